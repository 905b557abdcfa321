/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions: which peers get a method. A key is a method name or, ending in '*', a prefix. Each key has a
 * list of subscriptions; each subscription also hangs on its peer. A key lives as long as it has
 * subscriptions.
 *
 * A key with an exclusive or standby subscription has at most one active one (its owner); waiting standbys
 * are behind it in order of arrival and the first becomes owner when the owner leaves. New owners that want to be
 * told collect in promoted, for standby_tell().
 */
#ifndef AGENT_CORE_SUB_H
#define AGENT_CORE_SUB_H

#include "agent/core/table/peer.h"

enum { SUB_KEY_MAX = 1024 }; /* bytes of a key, whatever the limit is */

enum sub_mode { SUB_SHARED, SUB_EXCLUSIVE, SUB_STANDBY };

enum {
    SUB_E_OWNED = 1, /* the key has an exclusive owner, or others are subscribed and this one wants it alone */
    SUB_E_TOO_LONG,
    SUB_E_PEER_QUOTA,
    SUB_E_QUOTA
};

struct sub_key {
    struct sub_key *next; /* in its bucket */
    struct ag_list subs;  /* struct sub.by_key, order of arrival */
    uint32_t hash;
    uint16_t len; /* without the '*' */
    bool prefix;
    char name[]; /* not terminated */
};

struct sub {
    struct ag_list by_key, by_peer;
    struct ag_list by_promoted; /* in sub_table.promoted: became owner and has not been told yet */
    struct sub_key *key;
    struct peer *peer;
    uint8_t mode;
    bool active;  /* gets commands; false: a standby that waits */
    bool listens; /* wants to be told that it waits, and that it has become owner */
    bool denied;  /* the present access rules forbid it */
};

struct sub_table {
    struct ag_list promoted; /* struct sub.by_promoted */
    struct sub_key **buckets;
    uint32_t mask; /* number of buckets - 1 */
    uint32_t n_keys;
    uint32_t n_subs;
    uint32_t max_subs, max_per_peer, max_len;
    uint32_t n_prefixes;
    uint32_t *prefix_lens; /* how many prefix keys of each length 0..max_len there are; exists with the first one */
    uint32_t prefix_lens_n;
};

int sub_table_init(struct sub_table *t);
/* Every subscription must be gone. */
void sub_table_deinit(struct sub_table *t);

/* Subscribing again to the same key changes the mode. 0, SUB_E_*, -ENOMEM. *sub_out may be NULL. */
int sub_add(struct sub_table *t, struct peer *p, struct ag_span key, enum sub_mode mode, struct sub **sub_out);
void sub_remove(struct sub_table *t, struct sub *s);
/* The peer's subscription to exactly this key text, or NULL. */
struct sub *sub_find(struct sub_table *t, struct peer *p, struct ag_span key);
void sub_remove_all(struct sub_table *t, struct peer *p);

/* The key that serves a method: the exact one, else the longest prefix, else NULL. */
struct sub_key *sub_match(const struct sub_table *t, struct ag_span method);

#endif
