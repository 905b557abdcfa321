/* SPDX-License-Identifier: MIT */
/*
 * Which properties of a model to ask for, so that the retained state shows them: first all that can be read, later those that
 * do not notify. In batches, as devices with a model answer no more than that at once. A core.
 */
#ifndef CLIENT_HA_ASK_H
#define CLIENT_HA_ASK_H

#include <stdbool.h>
#include "libagent/core/buf.h"
#include "libagent/model/core/spec.h"

enum { HA_ASK_BATCH = 15, HA_ASK_MAX = 512 };

struct ha_ask_prop {
    uint16_t siid, piid;
    bool silent; /* no notify: only asking shows it */
};

struct ha_ask {
    struct ha_ask_prop *all;
    unsigned n, n_silent;
    unsigned next;    /* of this round */
    bool silent_only; /* the round asks for those */
};

/* 0 or -ENOMEM. Properties beyond HA_ASK_MAX are not asked for. */
int ha_ask_init(struct ha_ask *a, const struct model *m);
void ha_ask_deinit(struct ha_ask *a);

/* A round begins. */
void ha_ask_begin(struct ha_ask *a, bool silent_only);

/* The next command of the round, appended: 1; 0: the round is over; -ENOMEM. did is decimal. */
int ha_ask_next(struct ha_ask *a, const char *did, struct ag_buf *out);

#endif
