/* SPDX-License-Identifier: MIT */
/* Watching what the agent routes: agent.monitor, begun again after each connect. */
#ifndef CTL_EVENTS_H
#define CTL_EVENTS_H

#include "agent/ctl/ctl.h"

struct events {
    struct ctl *ctl;
    const char *params;  /* of agent.monitor: {} or {"keys":[..]} */
    const char *word;    /* printed to standard error when it has begun: "monitoring" */
    unsigned time_ms;    /* to watch; 0: for ever */
    unsigned n_left;     /* events still to see; 0: for ever */
    agent_request_fn fn; /* each event; counts it with events_seen() */
    void *user;
};

/* Until enough has been seen, the time is over or a signal came. The connection is closed then: no callback follows. CTL_OK, or
   CTL_FAILED and a line on standard error. */
int events_follow(struct events *e);
/* One of n_left. true: that was the last. */
bool events_seen(struct events *e);

#endif
