/* SPDX-License-Identifier: MIT */
/*
 * Applications that restart: a command with an id whose method lost its last subscriber a moment ago waits for one that
 * registers it again, instead of being refused at once. A method that nobody has served is not waited for.
 *
 * commands.c takes the waiting ones out, oldest first, at router_settle() or before the next command, so that the registers
 * which an application sends in one go are all in force by then.
 */
#ifndef AGENT_CORE_GRACE_H
#define AGENT_CORE_GRACE_H

#include <stdbool.h>
#include "agent/core/table/peer.h"
#include "libagent/core/util.h"

enum {
    GRACE_RECENT_MS = 2000, /* how long a lost subscriber is remembered */
    GRACE_KEYS_MAX = 1024,
    GRACE_COMMANDS_MAX = 256,
    GRACE_BYTES_MAX = 1024 * 1024
};

struct grace_command {
    struct ag_list link;
    struct peer *origin;
    uint64_t came_ms, until_ms;
    uint32_t origin_id;
    size_t len;
    char bytes[]; /* the text as it came: it has passed the scanner */
};

struct grace {
    struct ag_list keys;     /* struct grace_key, oldest first */
    struct ag_list commands; /* struct grace_command, oldest first */
    uint32_t n_keys, n_commands;
    size_t bytes;    /* of the commands */
    bool ready;      /* something was registered since the last look */
    bool trying;     /* the command under way is one of these: it does not wait again */
    uint64_t age_ms; /* of that one, 0 for others: its deadline counts from when it came */
};

void grace_init(struct grace *g);
void grace_deinit(struct grace *g);

/* The peer takes its subscriptions with it: keys that nobody else has are remembered. Call it before they are removed. */
void grace_note(struct grace *g, uint64_t now_ms, const struct peer *p);
/* True when the command (bytes, of this method) waits now, at most wait_ms: it will be delivered or answered. */
bool grace_take(struct grace *g, uint64_t now_ms, uint32_t wait_ms, struct peer *origin, uint32_t origin_id,
                struct ag_span method, struct ag_span bytes);
/* A subscription came in. */
static inline void grace_registered(struct grace *g)
{
    g->ready = g->n_commands > 0;
}
/* Nobody waits for the answers any more. Returns the number of dropped commands. */
unsigned grace_forget(struct grace *g, const struct peer *origin);
/* The one that has waited longest; its time runs out first. NULL: none waits. */
static inline struct grace_command *grace_first(const struct grace *g)
{
    return ag_list_first(&g->commands, struct grace_command, link);
}
/* Removes and frees it. */
void grace_drop(struct grace *g, struct grace_command *c);

#endif
