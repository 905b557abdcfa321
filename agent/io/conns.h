/* SPDX-License-Identifier: MIT */
/*
 * What the sockets of the agent share: the loop, the router, the buffer that all read into, the lists of connections,
 * and the gates for log lines that peers can provoke. The hub owns it and is called back through it.
 */
#ifndef AGENT_IO_CONNS_H
#define AGENT_IO_CONNS_H

#include <uv.h>
#include "agent/core/state/state.h"
#include "libagent/core/frame/framer.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/cred.h"

enum {
    CONNS_READ_MAX = 64 * 1024,  /* bytes at once */
    CONNS_READ_FEW = 4 * 1024,   /* the same, from an application's stream, in a turn that has read: */
    CONNS_TURN_MANY = 256 * 1024 /* so many bytes already, so that a flood delays nobody for long */
};

struct conns {
    uv_loop_t *loop;
    struct router *router;
    void (*turn)(void *user);          /* at the end of a timer's callback: carries out what the router has decided */
    void (*upstream_gone)(void *user); /* the router has forgotten upstream */
    void *user;
    uint32_t max;             /* applications at once */
    struct ag_list all;       /* struct conn */
    struct ag_list lingering; /* oldest first */
    unsigned n_lingering;
    bool closed;                                  /* nothing lingers any more */
    char *read_buf;                               /* CONNS_READ_MAX bytes */
    size_t n_read;                                /* bytes, in this turn of the loop */
    struct ag_framer_pool parts;                  /* of the framers */
    int spare_fd;                                 /* closed in order to be able to refuse when descriptors run out */
    struct ag_cred_asker asker;                   /* for the user at the other end of a TCP socket */
    struct ag_log_gate gates[AG_LOG_VERBOSE + 1]; /* by level: a flood of one hides no other */
};

/* 0 or -ENOMEM; the callbacks are set by the caller, and conns_fit() comes next. */
int conns_init(struct conns *s, uv_loop_t *loop, struct router *router);
/* Sets max: what the limits say, as far as the allowed descriptors reach. */
void conns_fit(struct conns *s);
/* When the loop has ended and no connection is left. Nothing happens when conns_init() failed. */
void conns_deinit(struct conns *s);

/* The loop's time, ms. */
uint64_t conns_now(const struct conns *s);

/* A log line that a peer can provoke: limited in number. */
void conns_log(struct conns *s, enum ag_log_level level, const char *fmt, ...) ag_printf_like(3, 4);

#endif
