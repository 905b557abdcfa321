/* SPDX-License-Identifier: MIT */
/*
 * A router with peers that exist in memory only, driven by short scripts. One line each:
 *
 *     A+ / A+uid=5 / A+unknown    application A (A..H) joins; root unless told; +packet: a packet socket
 *     U+                          upstream connects
 *     A> text                     A sends these bytes (through a framer, as the shell does)
 *     A< text                     these bytes come next for A; they are taken. A text that does not end in '}' is the
 *                                 beginning: all that waits is taken
 *     A<                          nothing waits for A
 *     A-                          A leaves
 *     A/                          A half closes
 *     A#                          the router wants A closed; it leaves then. What waits is kept for a last A<
 *     A=                          A is done: half closed and nothing open
 *     +4000                       time passes, deadlines are looked at
 *     stop                        shutdown
 *     counter=3                   a counter of stats.h
 */
#ifndef TEST_AGENT_RIG_H
#define TEST_AGENT_RIG_H

#include "agent/core/state/state.h"
#include "libagent/core/frame/framer.h"

enum { RIG_PEERS = 9 }; /* A..H, U */

/* A line of a script: registers a key, without an answer. */
#define REG(who, key) who "> {\"method\":\"register\",\"key\":\"" key "\"}"

struct rig_peer {
    struct peer peer;
    struct ag_framer framer;
    struct ag_buf last; /* what was left when it ended */
    bool there;
};

struct rig {
    struct router router;
    struct rig_peer peers[RIG_PEERS];
    uint64_t now_ms;
    char error[1024];
};

/* 0 or -ENOMEM. Ids of requests begin with 100, those of calls with 1001. */
int rig_init(struct rig *g);
void rig_deinit(struct rig *g);
struct rig_peer *rig_peer(struct rig *g, char name);
void rig_join(struct rig *g, char name, const char *how);
void rig_leave(struct rig *g, char name);
/* false when the framer or the router ended the peer. */
bool rig_feed(struct rig *g, char name, const char *p, size_t n);
/* Ends the peers that the router wants to be ended. */
void rig_settle(struct rig *g);
/* NULL-terminated lines. 0; -1: error says which line and why. */
int rig_run(struct rig *g, const char *const *lines);

#endif
