/* SPDX-License-Identifier: MIT */
/*
 * The names that device.conf may hold: a line that nobody reads is mostly a misspelt one. The list is the one of the manual
 * (device.conf(5)); a test compares the two. A core: names in, a complaint out.
 */
#ifndef CLIENT_CONF_KEYS_H
#define CLIENT_CONF_KEYS_H

#include <stdbool.h>

enum { CONF_COMPLAINT_MAX = 160 };

/* Read by some part of the client, or known to be a vendor's. */
bool conf_key_is_known(const char *name);

/* The known name that is most similar; NULL: none is. */
const char *conf_key_nearest(const char *name);

/* true: nobody knows the name, and out says so, with the nearest known one. */
bool conf_key_complaint(const char *name, char out[CONF_COMPLAINT_MAX]);

#endif
