/* SPDX-License-Identifier: MIT */
/*
 * The keys this connection subscribes to, and who in the application gets their commands. A key is an exact method
 * name, or a prefix when it ends in '*'; the exact one wins, then the longest prefix, as in the agent.
 *
 * A key lives as long as a slot hangs on it. At most one of them is a subscription; the others follow local.status.
 */
#ifndef AG_KEYS_H
#define AG_KEYS_H

#include "agent/agent.h"
#include "libagent/conn/wait.h"
#include "libagent/core/list.h"

struct ag_key {
    struct ag_list by_name;   /* in a bucket */
    struct ag_list by_order;  /* in all: registered again in this order */
    struct ag_list by_untold; /* in agent_conn.untold while it is to be registered */
    struct ag_list slots;     /* agent_slot.link */
    struct ag_wait reg;       /* the answer to register */
    uint8_t mode;             /* enum agent_mode */
    bool prefix;
    bool counted; /* among agent_conn.unsettled */
    int status;   /* as on_registered got it */
    size_t len;   /* of name; the '*' of a prefix is not counted */
    char name[];  /* with the '*' */
};

enum { AG_KEYS_BUCKETS = 64 };

struct ag_keys {
    struct ag_list buckets[AG_KEYS_BUCKETS]; /* exact keys by hash */
    struct ag_list prefixes;                 /* ag_key.by_name */
    struct ag_list all;
};

void ag_keys_init(struct ag_keys *k);

/* The key of this very name; NULL when there is none. */
struct ag_key *ag_keys_find(struct ag_keys *k, const char *name);
/* Makes one without slots. NULL when memory is short. */
struct ag_key *ag_keys_add(struct ag_keys *k, const char *name);
/* Unhooks and frees; it has no slots. */
void ag_keys_remove(struct ag_key *key);

/* Whose command is this? The exact key, else the longest prefix, else NULL. */
struct ag_key *ag_keys_match(struct ag_keys *k, struct ag_span method);

#endif
