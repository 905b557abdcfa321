/* SPDX-License-Identifier: MIT */
/*
 * What the router knows. Its parts change it; the shell fills limits and access, log, own_pid and wall_offset, and reads stats,
 * n_peers and work.
 */
#ifndef AGENT_CORE_STATE_H
#define AGENT_CORE_STATE_H

#include "agent/core/state/limits.h"
#include "agent/core/state/stats.h"
#include "agent/core/table/command.h"
#include "agent/core/table/grace.h"
#include "agent/core/table/peer.h"
#include "agent/core/table/request.h"
#include "agent/core/table/sub.h"
#include "agent/core/table/unserved.h"
#include "libagent/core/access.h"
#include "libagent/core/log/log_ring.h"

enum { ROUTER_MONITORS = 8, ROUTER_ADDRESSES = 32, ROUTER_SPARE_BUFS = 64 };

struct monitor;

struct router {
    struct limits limits;
    struct ag_access access;
    struct stats stats;
    struct sub_table subs;
    struct request_table requests;
    struct command_table commands;
    struct grace grace;
    struct unserved unserved;
    struct ag_list peers;  /* struct peer.all: applications */
    struct ag_list gone;   /* struct peer.half: half closed ones, oldest first */
    struct ag_list work;   /* struct peer.work */
    struct peer *upstream; /* NULL: none */
    struct peer *by_address[ROUTER_ADDRESSES];
    struct monitor *monitors[ROUTER_MONITORS];
    uint8_t monitoring; /* bits of the existing monitors */
    bool shutting_down;
    uint32_t n_peers;
    uint64_t last_peer_id;
    uint32_t next_call_id; /* for agent.call */
    uint32_t status_id;    /* of the agent's own local.query_status; has_status_id: it is open */
    bool has_status_id;
    bool status_for_all; /* its answer is for all who follow, not only for later ones (peer.wants_status) */
    bool introduced;     /* upstream has had a text that no helper program sends */
    size_t queued;       /* bytes in all out buffers */
    size_t held;         /* bytes of all partial texts */
    uint64_t start_ms;
    const struct ag_log_ring *log;           /* for agent.log; NULL: nothing is kept. Borrowed */
    int32_t own_pid;                         /* for agent.info */
    uint64_t now_ms;                         /* of the call under way */
    int64_t (*wall_offset)(uint64_t now_ms); /* unix time in ms - now_ms, for events of monitors; NULL: 0 */
    struct ag_buf scratch;                   /* a text on its way to a peer that needs it translated */
    struct ag_buf scratch_in;                /* a text translated from MessagePack */
    struct ag_buf event;                     /* the event of a monitor under construction */
    struct ag_buf event_to;                  /* receivers of the text it is about */
    uint32_t event_id;                       /* of an answer to a request: the asker's own id */
    bool event_has_id;
    struct ag_buf spare[ROUTER_SPARE_BUFS]; /* storage of drained out buffers */
    uint32_t n_spare;
};

#endif
