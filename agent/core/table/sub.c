/* SPDX-License-Identifier: MIT */
#include "agent/core/table/sub.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_MIN = 64 };

int sub_table_init(struct sub_table *t)
{
    *t = (struct sub_table){.mask = BUCKETS_MIN - 1};
    ag_list_init(&t->promoted);
    t->buckets = calloc(BUCKETS_MIN, sizeof(struct sub_key *));
    return t->buckets ? 0 : -ENOMEM;
}

void sub_table_deinit(struct sub_table *t)
{
    assert(t->n_subs == 0 && t->n_keys == 0);
    free(t->buckets);
    free(t->prefix_lens);
    t->buckets = NULL;
    t->prefix_lens = NULL;
}

static inline uint64_t hash_mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * 0xff51afd7ed558ccdull;
    return h ^ h >> 32;
}

/* Eight bytes a step, the last ones taken twice where they overlap: names are short, so two multiplications
 * or so. */
static inline uint32_t hash_of(const char *p, size_t n)
{
    uint64_t h = n * 0x9e3779b97f4a7c15ull, w;
    size_t i;

    if (n < 8) {
        for (w = 0, i = 0; i < n; i++)
            w = w << 8 | (unsigned char) p[i];
        return (uint32_t) hash_mix(h, w);
    }
    for (i = 0; i + 8 < n; i += 8) {
        memcpy(&w, p + i, 8);
        h = hash_mix(h, w);
    }
    memcpy(&w, p + n - 8, 8);
    return (uint32_t) hash_mix(h, w);
}

static struct sub_key *key_find(const struct sub_table *t, const char *p, size_t n, bool prefix)
{
    uint32_t hash = hash_of(p, n);
    struct sub_key *k;

    for (k = t->buckets[hash & t->mask]; k; k = k->next)
        if (k->hash == hash && k->len == n && k->prefix == prefix && memcmp(k->name, p, n) == 0)
            return k;
    return NULL;
}

/* A table that cannot grow still works, only slower. */
static void table_grow(struct sub_table *t)
{
    uint32_t mask = t->mask * 2 + 1;
    struct sub_key **buckets = calloc((size_t) mask + 1, sizeof *buckets), *k, *next;

    if (!buckets)
        return;
    for (uint32_t i = 0; i <= t->mask; i++) {
        for (k = t->buckets[i]; k; k = next) {
            next = k->next;
            k->next = buckets[k->hash & mask];
            buckets[k->hash & mask] = k;
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->mask = mask;
}

static int prefix_lens_fit(struct sub_table *t, size_t len)
{
    size_t n = len + 1;
    uint32_t *lens;

    if (n <= t->prefix_lens_n)
        return 0;
    lens = realloc(t->prefix_lens, n * sizeof *lens);
    if (!lens)
        return -ENOMEM;
    memset(lens + t->prefix_lens_n, 0, (n - t->prefix_lens_n) * sizeof *lens);
    t->prefix_lens = lens;
    t->prefix_lens_n = (uint32_t) n;
    return 0;
}

static int key_new(struct sub_table *t, const char *p, size_t n, bool prefix, struct sub_key **key_out)
{
    struct sub_key *k;

    if (prefix && prefix_lens_fit(t, n) < 0)
        return -ENOMEM;
    k = malloc(sizeof *k + n);
    if (!k)
        return -ENOMEM;
    if (t->n_keys > t->mask)
        table_grow(t);
    k->hash = hash_of(p, n);
    k->len = (uint16_t) n;
    k->prefix = prefix;
    memcpy(k->name, p, n);
    ag_list_init(&k->subs);
    k->next = t->buckets[k->hash & t->mask];
    t->buckets[k->hash & t->mask] = k;
    t->n_keys++;
    if (prefix) {
        t->prefix_lens[n]++;
        t->n_prefixes++;
    }
    *key_out = k;
    return 0;
}

static void key_free(struct sub_table *t, struct sub_key *k)
{
    struct sub_key **at = &t->buckets[k->hash & t->mask];

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    t->n_keys--;
    if (k->prefix) {
        t->prefix_lens[k->len]--;
        t->n_prefixes--;
    }
    free(k);
}

static struct sub *key_sub_of(struct sub_key *k, const struct peer *p)
{
    ag_list_for_each (it, &k->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (s->peer == p)
            return s;
    }
    return NULL;
}

/* Cuts the '*' off a prefix key. */
static bool key_is_prefix(struct ag_span *key)
{
    if (key->len == 0 || key->p[key->len - 1] != '*')
        return false;
    key->len--;
    return true;
}

struct sub *sub_find(struct sub_table *t, struct peer *p, struct ag_span key)
{
    bool prefix = key_is_prefix(&key);
    struct sub_key *k = key_find(t, key.p, key.len, prefix);

    return k ? key_sub_of(k, p) : NULL;
}

/* May a subscription of this mode, of a peer other than those counted, become active? */
static bool key_allows(const struct sub_key *k, const struct peer *p, enum sub_mode mode)
{
    ag_list_for_each (it, &k->subs) {
        const struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (s->active && s->peer != p && (mode != SUB_SHARED || s->mode != SUB_SHARED))
            return false;
    }
    return true;
}

static int sub_set_mode(struct sub *s, enum sub_mode mode)
{
    bool allowed = key_allows(s->key, s->peer, mode);

    if (!allowed && mode != SUB_STANDBY)
        return SUB_E_OWNED;
    s->mode = (uint8_t) mode;
    s->active = allowed;
    return 0;
}

static void key_promote(struct sub_table *t, struct sub_key *k)
{
    struct sub *heir;

    ag_list_for_each (it, &k->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (s->active)
            return;
    }
    heir = ag_list_first(&k->subs, struct sub, by_key);
    if (!heir)
        return;
    heir->active = true;
    if (heir->listens)
        ag_list_append(&t->promoted, &heir->by_promoted);
}

static int key_subscribe(struct sub_table *t, struct sub_key *k, struct peer *p, enum sub_mode mode, struct sub **sub_out)
{
    bool allowed = key_allows(k, p, mode);
    struct sub *s;

    if (!allowed && mode != SUB_STANDBY)
        return SUB_E_OWNED;
    s = malloc(sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct sub){.key = k, .peer = p, .mode = (uint8_t) mode, .active = allowed};
    ag_list_init(&s->by_promoted);
    ag_list_append(&k->subs, &s->by_key);
    ag_list_append(&p->subs, &s->by_peer);
    p->n_subs++;
    t->n_subs++;
    if (sub_out)
        *sub_out = s;
    return 0;
}

int sub_add(struct sub_table *t, struct peer *p, struct ag_span key, enum sub_mode mode, struct sub **sub_out)
{
    bool prefix, is_new = false;
    struct sub_key *k;
    struct sub *s;
    int r;

    if (key.len > t->max_len || key.len > SUB_KEY_MAX)
        return SUB_E_TOO_LONG;
    prefix = key_is_prefix(&key);
    k = key_find(t, key.p, key.len, prefix);
    s = k ? key_sub_of(k, p) : NULL;
    if (s) {
        r = sub_set_mode(s, mode);
        if (r == 0 && sub_out)
            *sub_out = s;
        return r;
    }
    if (p->n_subs >= t->max_per_peer)
        return SUB_E_PEER_QUOTA;
    if (t->n_subs >= t->max_subs)
        return SUB_E_QUOTA;
    if (!k) {
        r = key_new(t, key.p, key.len, prefix, &k);
        if (r < 0)
            return r;
        is_new = true;
    }
    r = key_subscribe(t, k, p, mode, sub_out);
    if (r != 0 && is_new)
        key_free(t, k);
    return r;
}

void sub_remove(struct sub_table *t, struct sub *s)
{
    struct sub_key *k = s->key;

    ag_list_del(&s->by_key);
    ag_list_del(&s->by_peer);
    ag_list_del(&s->by_promoted);
    s->peer->n_subs--;
    t->n_subs--;
    free(s);
    if (ag_list_empty(&k->subs))
        key_free(t, k);
    else
        key_promote(t, k);
}

void sub_remove_all(struct sub_table *t, struct peer *p)
{
    while (!ag_list_empty(&p->subs))
        sub_remove(t, ag_list_first(&p->subs, struct sub, by_peer));
}

static struct sub_key *prefix_match(const struct sub_table *t, struct ag_span method)
{
    size_t len = method.len < t->prefix_lens_n ? method.len + 1 : t->prefix_lens_n;

    while (len-- > 0) {
        struct sub_key *k = t->prefix_lens[len] ? key_find(t, method.p, len, true) : NULL;

        if (k)
            return k;
    }
    return NULL;
}

struct sub_key *sub_match(const struct sub_table *t, struct ag_span method)
{
    struct sub_key *k = key_find(t, method.p, method.len, false);

    return k || t->n_prefixes == 0 ? k : prefix_match(t, method);
}
