/* SPDX-License-Identifier: MIT */
/*
 * A peer: one application's connection, or the one to upstream. The core keeps what it decided to send in
 * out; the shell owns the struct (it lies inside its connection object), sends out, and ends the peer with
 * router_peer_gone().
 *
 * A peer has a 64-bit id that is never used again. Everything that others may want from it (subscriptions,
 * open requests, commands it was asked) hangs in its lists and leaves with it.
 */
#ifndef AGENT_CORE_PEER_H
#define AGENT_CORE_PEER_H

#include <stdbool.h>
#include "libagent/core/buf.h"
#include "libagent/core/cred.h"
#include "libagent/core/list.h"

enum peer_role { PEER_APP, PEER_UPSTREAM };

/* Why the core wants a peer closed. */
enum peer_end {
    PEER_STAYS,
    PEER_END_INPUT,  /* bad input; the error text in out is sent first */
    PEER_END_QUEUE,  /* it did not read */
    PEER_END_TOTAL,  /* it held the most when all queues together were too large */
    PEER_END_MEMORY, /* an answer to it was lost for want of memory */
    PEER_END_GONE    /* half closed, and its open requests were in the way of others */
};

struct peer {
    uint64_t id;
    uint8_t role;
    uint8_t end;         /* enum peer_end; not PEER_STAYS: nothing is delivered to it any more */
    bool packets;        /* out holds records: 4 bytes length (host order), text */
    bool pack;           /* speaks MessagePack-RPC */
    bool half_closed;    /* sends nothing more, but waits for answers */
    bool shut;           /* its shell has taken it off the lists */
    bool wants_status;   /* follows local.status and has not been told it yet */
    uint8_t monitor;     /* bit of its monitor, 0: none */
    uint32_t address;    /* one bit, 0: not bound */
    struct ag_list all;  /* in router.peers */
    struct ag_list half; /* in router.gone when half closed */
    struct ag_list work; /* in router.work while there is something for the shell to do */
    struct ag_buf out;
    uint32_t out_texts;      /* texts put into out since it was empty */
    uint32_t held;           /* bytes of its partial text, told by the shell */
    struct ag_list subs;     /* struct sub.by_peer */
    struct ag_list requests; /* struct request.by_peer */
    struct ag_list asks;     /* struct ask.by_peer */
    struct ag_list calls;    /* struct command.by_origin: agent.call under way */
    uint32_t n_subs, n_requests, n_asks;
    uint32_t n_waiting; /* its commands that wait for a subscriber */
    struct ag_cred cred;
    uint64_t since_ms;
    uint64_t texts_in, texts_out;
    uint64_t n_unanswered; /* commands it was given whose deadline came first */
};

static inline bool peer_is_open(const struct peer *p)
{
    return p->end == PEER_STAYS;
}

/* Bytes the agent keeps for it. */
static inline size_t peer_kept(const struct peer *p)
{
    return ag_buf_size(&p->out) + p->held;
}

#endif
