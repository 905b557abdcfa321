/* SPDX-License-Identifier: MIT */
/*
 * The connection to upstream: made, watched, made again 100 ms to 2 s after a loss (doubling, with jitter). The pause is
 * reset to 100 ms only by a connection that lasted: a server that accepts and closes is no better than none.
 *
 * Upstream speaks for cloud and phones, so it is believed only when its socket belongs to root, to the agent's own user
 * or to upstream_user. The kernel names the owner once the other side has accepted; until then nothing is read.
 *
 * The default port 54322 is in the range that the kernel takes for outgoing connections, so with nobody
 * listening there a socket can connect to itself; such a connection is closed and counted.
 */
#ifndef AGENT_IO_UPSTREAM_H
#define AGENT_IO_UPSTREAM_H

#include <uv.h>
#include "libagent/core/backoff.h"
#include "libagent/io/addr.h"

struct conns;
struct conn;

enum upstream_state { UPSTREAM_OFF, UPSTREAM_WAITING, UPSTREAM_CONNECTING, UPSTREAM_ASKING, UPSTREAM_UP };

/* Who else may be upstream, besides root and the agent's own user. */
struct upstream_user {
    bool set, any;
    uint32_t uid;
};

struct upstream {
    struct conns *conns;
    struct ag_addr addr;
    struct upstream_user user;
    uv_timer_t timer; /* next try, next question, or the end of this try */
    uv_poll_t *poll;  /* of the socket that is connecting; heap, freed in its close callback */
    int fd;           /* of the same; also while its owner is asked for */
    enum upstream_state state;
    struct conn *conn;
    struct ag_backoff backoff;
    struct ag_backoff asks; /* until the owner is asked for again */
    uint64_t until_ms;      /* when this try ends */
    uint64_t up_since_ms;   /* of conn */
    unsigned failures;      /* in a row */
    char said[64];          /* why the last one failed: logged once, not at every try */
};

void upstream_init(struct upstream *u, struct conns *s, const struct ag_addr *addr, const struct upstream_user *user);
void upstream_start(struct upstream *u);
/* Tries no more; an open connection stays. */
void upstream_stop(struct upstream *u);
/* Ends the timer handle; the last call. */
void upstream_close(struct upstream *u);
/* Its connection is gone. */
void upstream_lost(struct upstream *u);

#endif
