/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a model are called in Home Assistant: the description; if others have the same, with the service's in front;
 * if that repeats, too, with the number behind. The URN's name replaces an empty description. A core.
 */
#ifndef CLIENT_HA_NAME_H
#define CLIENT_HA_NAME_H

#include "client/cloud/mqtt/core/ha/ha_text.h"
#include "libagent/model/core/spec.h"

struct ha_names {
    struct ha_text text; /* NUL-terminated strings */
    size_t *at;          /* by item: where its final name is. Properties, then actions, then events */
};

/* 0 or -ENOMEM; for ha_names_deinit() either way. */
int ha_names_init(struct ha_names *names, const struct model *m);
void ha_names_deinit(struct ha_names *names);

const char *ha_name_of_prop(const struct ha_names *names, const struct model *m, const struct model_prop *p);
const char *ha_name_of_action(const struct ha_names *names, const struct model *m, const struct model_call *a);
const char *ha_name_of_event(const struct ha_names *names, const struct model *m, const struct model_call *e);

/* "Air Purifier", from the description or from "air-purifier". Appends; empty only if both are. */
void ha_name_put(struct ha_text *t, const char *description, const char *name);

/* The path as part of an entity id, [a-z0-9_]; "2_3" for one that would not be readable. */
void ha_entity_of(char *out, size_t n, const char *path, unsigned siid, unsigned iid);

#endif
