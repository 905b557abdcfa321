/* SPDX-License-Identifier: MIT */
/*
 * A connected socket, to an application or to upstream: reads in fair portions, sends what the router put
 * into the peer's out buffer with one call per loop turn, and ends in one place.
 *
 * Owner: the loop handle; freed in its close callback only. The peer lies inside, so the router's pointer and
 * the connection end together.
 */
#ifndef AGENT_IO_CONN_H
#define AGENT_IO_CONN_H

#include <uv.h>
#include "agent/core/table/peer.h"
#include "libagent/core/frame/framer.h"
#include "libagent/core/list.h"

struct conns;

struct conn {
    struct peer peer;
    struct conns *conns;
    struct router *router; /* conns->router */
    uv_poll_t poll;
    struct ag_framer framer;
    struct ag_list all;    /* in conns.all */
    struct ag_list linger; /* in conns.lingering: out of the router, its last bytes are under way */
    uint64_t linger_until_ms;
    int fd;
    uint8_t events; /* what poll waits for */
    bool closing;
    bool deaf; /* sending has failed: it is read to its end */
    bool gone; /* the router has forgotten the peer */
};

/* Takes the descriptor over, also on failure. 0 or -errno. */
int conn_open(struct conns *s, int fd, enum peer_role role, bool packets, struct conn **conn_out);
/* Sends what is waiting, or waits for room; ends the connection when the router wants that. */
void conn_work(struct conn *c);
/* Idempotent, safe inside any callback. Only closes: the router must have been told before. */
void conn_close(struct conn *c);
/* Tells the router that the peer is gone and closes. */
void conn_drop(struct conn *c);
/* The other end's name for the log: "peer 7 (uid 0)". */
const char *conn_name(const struct conn *c, char out[64]);

static inline struct conn *conn_of_peer(struct peer *p)
{
    return ag_container_of(p, struct conn, peer);
}

#endif
