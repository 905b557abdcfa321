/* SPDX-License-Identifier: MIT */
/*
 * A vacuum's state for Home Assistant: an object {"state":"cleaning"} on a topic of its own, as the vacuum platform has no
 * template. The model says which value of the status property has which word. A core.
 */
#ifndef CLIENT_HA_VACUUM_H
#define CLIENT_HA_VACUUM_H

#include "libagent/core/buf.h"
#include "libagent/model/core/spec.h"

enum { HA_VACUUM_VALUES_MAX = 64 };

/* Owns no memory. */
struct ha_vacuum_state {
    char key[16]; /* "2.1" of the status; empty: the model has no vacuum */
    unsigned n;
    struct {
        char value[24]; /* a number as JSON */
        const char *word;
    } values[HA_VACUUM_VALUES_MAX];
};

void ha_vacuum_state_init(struct ha_vacuum_state *v, const struct model *m);

/* Appends the object. value: the JSON value of the status, p NULL for none; an unknown one becomes null. 0 or -ENOMEM. */
int ha_vacuum_state_print(const struct ha_vacuum_state *v, struct ag_span value, struct ag_buf *out);

#endif
