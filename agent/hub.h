/* SPDX-License-Identifier: MIT */
/*
 * The hub owns the router, the listening sockets, the connections and the one to upstream, and moves bytes between them.
 *
 * One loop turn: everything that is readable is read and routed, then hub_flush() carries out what the router decided
 * with one send per peer. No timer is touched per message: one timer is set to the nearest deadline and is moved only
 * when it fires or when an earlier deadline appears; with nothing open it is off.
 */
#ifndef AGENT_HUB_H
#define AGENT_HUB_H

#include <uv.h>
#include "agent/core/state/state.h"
#include "agent/io/conns.h"
#include "agent/io/listener.h"
#include "agent/io/upstream.h"
#include "agent/settings.h"

enum { HUB_LISTENERS = 8 };

struct hub {
    uv_loop_t *loop;
    struct settings settings;
    struct router router;
    struct conns conns;
    struct listener listeners[HUB_LISTENERS];
    size_t n_listeners;
    struct upstream upstream;
    uv_check_t check;        /* after the poll phase: hub_flush() */
    uv_timer_t timer;        /* at the nearest deadline */
    uint64_t timer_at_ms;    /* AG_NEVER: off */
    uint64_t drain_until_ms; /* while stopping: when waiting for slow readers ends */
    bool stopping;
};

/* Takes settings over. Listens, and starts to connect to upstream. 0 or -errno; the reason is logged. */
int hub_start(struct hub *h, uv_loop_t *loop, struct settings *settings);
/* Before hub_start() is called, or after the loop has ended. */
void hub_deinit(struct hub *h);

/* Answers all that is open, sends the answers, closes everything; then the loop ends. */
void hub_stop(struct hub *h);
/* New limits, access rules and log level. Takes settings over. */
void hub_reload(struct hub *h, struct settings *settings);
void hub_log_state(struct hub *h);

/* Carries out what the router has decided. At the end of every callback outside the poll phase. */
void hub_flush(struct hub *h);

#endif
