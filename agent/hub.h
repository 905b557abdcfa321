/* SPDX-License-Identifier: MIT */
/*
 * The hub owns the router, the listening sockets, the connections and the uplink, and moves bytes between
 * them.
 *
 * One loop turn: everything that is readable is read and routed, then hub_flush() carries out what the router
 * decided with one send per peer. No timer is touched per message: one timer stands at the nearest deadline
 * and is moved only when it fires or when an earlier deadline appears; with nothing open it is off.
 */
#ifndef AGENT_HUB_H
#define AGENT_HUB_H

#include <uv.h>
#include "agent/core/router.h"
#include "agent/io/listener.h"
#include "agent/io/uplink.h"
#include "agent/settings.h"
#include "libagent/core/frame/framer.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/cred.h"

enum { HUB_READ_MAX = 64 * 1024, HUB_LISTENERS = 8, HUB_LINGER_MS = 1000, HUB_LINGERING_MAX = 16 };

struct hub {
    uv_loop_t *loop;
    struct settings settings;
    struct router router;
    struct listener listeners[HUB_LISTENERS];
    size_t n_listeners;
    struct uplink uplink;
    struct ag_list conns;
    struct ag_list lingering; /* oldest first */
    unsigned n_lingering;
    uint32_t max_conns;          /* limits.connections, or less when the process may not open as many descriptors */
    uv_check_t check;            /* behind the poll phase: hub_flush() */
    uv_timer_t timer;            /* at the nearest deadline */
    uint64_t timer_at_ms;        /* UINT64_MAX: off */
    uint64_t drain_until_ms;     /* while stopping: when waiting for slow readers ends */
    char *read_buf;              /* HUB_READ_MAX bytes, shared by all connections */
    struct ag_framer_pool parts; /* of their framers */
    int spare_fd;                /* given up to be able to refuse when descriptors run out */
    struct ag_cred_asker asker;  /* for the user at the other end of a TCP socket */
    bool stopping, closed;
    struct ag_log_gate gates[AG_LOG_VERBOSE + 1]; /* for lines that peers can provoke, by level: a flood of one hides no other */
};

/* Takes settings over. Listens, and starts to connect to upstream. 0 or -errno; the reason is logged. */
int hub_start(struct hub *h, uv_loop_t *loop, struct settings *settings);
/* Before hub_start() has been called, or when the loop has ended. */
void hub_deinit(struct hub *h);

/* Answers all that is open, lets the answers out, closes everything; the loop ends then. */
void hub_stop(struct hub *h);
/* New limits, access rules and log level. Takes settings over. */
void hub_reload(struct hub *h, struct settings *settings);
void hub_log_state(struct hub *h);

/* Carries out what the router has decided. At the end of every callback outside the poll phase. */
void hub_flush(struct hub *h);
uint64_t hub_now(const struct hub *h);

/* A line that a peer can provoke: limited in number. */
void hub_log_limited(struct hub *h, enum ag_log_level level, const char *fmt, ...) ag_printf_like(3, 4);

#endif
