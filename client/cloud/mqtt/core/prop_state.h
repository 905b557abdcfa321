/* SPDX-License-Identifier: MIT */
/*
 * The last value of each property that applications have reported, as one JSON object: what the retained state topic of
 * the mqtt cloud shows. Names as in reports: "power" of props and prop.power, "siid.piid" of properties_changed.
 * A core: texts in, a text out; bounded.
 */
#ifndef CLIENT_PROP_STATE_H
#define CLIENT_PROP_STATE_H

#include <stdbool.h>
#include "libagent/core/buf.h"

enum { PROP_STATE_NAMES_MAX = 512, PROP_STATE_BYTES_MAX = 65536 };

struct prop_state {
    struct prop_state_entry *entries;
    unsigned n;
    size_t cap;
    size_t bytes;
};

void prop_state_deinit(struct prop_state *s);

/* Takes in a report. 1: something changed; 0: nothing did, or the method is no property report; -ENOMEM; -ENOBUFS: full. */
int prop_state_take(struct prop_state *s, struct ag_span report);
/* The same from its parts: the raw values of "method" and "params", p NULL when absent. */
int prop_state_take_parts(struct prop_state *s, struct ag_span method, struct ag_span params);

/*
 * Takes in an object that prop_state_print() wrote in an earlier run; names that are already known keep their value, which is
 * newer. 1: something was new; 0; -ENOMEM; -ENOBUFS: full. Any other text is ignored: 0.
 */
int prop_state_restore(struct prop_state *s, struct ag_span object);

/* The value of a plain name, as JSON; {NULL, 0}: none. Borrowed until the next call that changes s. */
struct ag_span prop_state_get(const struct prop_state *s, const char *name);

/* The object, appended. 0 or -ENOMEM. */
int prop_state_print(const struct prop_state *s, struct ag_buf *out);

#endif
