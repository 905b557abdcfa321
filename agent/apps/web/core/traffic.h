/* SPDX-License-Identifier: MIT */
/*
 * Live traffic for one open page. What comes between two beats is kept up to a number; the rest is counted, so a page
 * that watches costs the same whatever the device does, and says how much it does not show.
 */
#ifndef WEB_TRAFFIC_H
#define WEB_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    WEB_TRAFFIC_BEAT_MAX = 25,   /* events shown between two beats */
    WEB_TRAFFIC_TEXT_MAX = 2048, /* bytes of an event's text that are shown */
    WEB_FILTER_MAX = 64
};

struct web_traffic {
    bool on;
    char filter[WEB_FILTER_MAX + 1]; /* ""; else only texts with these bytes in them */
    unsigned n, left_out;            /* since the last beat */
    struct ag_buf events;            /* of them, with commas between */
};

void web_traffic_deinit(struct web_traffic *t);
/* Does this text pass the filter? One that passes but has no place is counted; true: web_traffic_put() it. */
bool web_traffic_wants(struct web_traffic *t, struct ag_span text);
/* event: of web_event_print(). 0 or -ENOMEM: then it counts as left out. */
int web_traffic_put(struct web_traffic *t, struct ag_span event);
/* {"left_out":N,"events":[..]} appended, and a new beat begins. 1; 0: nothing came; -ENOMEM. */
int web_traffic_take(struct web_traffic *t, struct ag_buf *out);

/*
 * The params of an agent.event for a page: the same members, the text as a string of at most WEB_TRAFFIC_TEXT_MAX bytes.
 * What can hold a network's key or a token ("hidden":true) shows its method only. 0; -EINVAL: no event; -ENOMEM.
 */
int web_event_print(struct ag_span params, struct ag_buf *out);
/* The text of such params, unchanged; {"", 0} when it was too large. */
struct ag_span web_event_text(struct ag_span params);

/* Is it about what miio_web itself, the peer of that number, asks the client every now and then? */
bool web_event_is_poll(struct ag_span params, uint64_t you);

#endif
