/* SPDX-License-Identifier: MIT */
/* The list of clouds, cloud=NAME[,NAME...], the primary first; or none. */
#ifndef CLIENT_CLOUD_LIST_H
#define CLIENT_CLOUD_LIST_H

#include "client/cloud/cloud.h"
#include "client/device/core/conf_keys.h"

enum { CLOUD_LIST_MAX = 96 }; /* bytes of such a list with its end */

struct cloud_list {
    const struct cloud_ops *ops[CLOUDS_MAX];
    unsigned n; /* 0: none */
};

/* 0, or -EINVAL with one line in why. */
int cloud_list_parse(const char *text, struct cloud_list *out, char *why, size_t n);

/* The name of the cloud that has a setting of that name; NULL: it is no cloud's own. */
const char *cloud_of_setting(const char *key);
/* The name of the cloud that the setting belongs to, when that cloud is not in the list; else NULL. */
const char *cloud_list_stranger(const struct cloud_list *l, const char *key);
/* true: it is one, and out says so. */
bool cloud_list_complaint(const struct cloud_list *l, const char *key, char out[CONF_COMPLAINT_MAX]);

#endif
