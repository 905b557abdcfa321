/* SPDX-License-Identifier: MIT */
#include "agent/core/table/grace.h"

#include <stdlib.h>
#include <string.h>
#include "agent/core/table/sub.h"

struct grace_key {
    struct ag_list link;
    uint64_t lost_ms;
    uint16_t len;
    bool prefix;
    char name[];
};

void grace_init(struct grace *g)
{
    *g = (struct grace){0};
    ag_list_init(&g->keys);
    ag_list_init(&g->commands);
}

static void key_drop(struct grace *g, struct grace_key *k)
{
    ag_list_del(&k->link);
    g->n_keys--;
    free(k);
}

void grace_drop(struct grace *g, struct grace_command *c)
{
    ag_list_del(&c->link);
    g->n_commands--;
    c->origin->n_waiting--;
    g->bytes -= c->len;
    free(c);
}

void grace_deinit(struct grace *g)
{
    while (!ag_list_empty(&g->keys))
        key_drop(g, ag_list_first(&g->keys, struct grace_key, link));
    while (grace_first(g))
        grace_drop(g, grace_first(g));
}

static void keys_expire(struct grace *g, uint64_t now_ms)
{
    struct grace_key *k;

    while ((k = ag_list_first(&g->keys, struct grace_key, link)) && now_ms - k->lost_ms > GRACE_RECENT_MS)
        key_drop(g, k);
}

/* Without memory it is not remembered: commands are then refused at once. */
static void key_add(struct grace *g, uint64_t now_ms, const struct sub_key *key)
{
    struct grace_key *k = malloc(sizeof *k + key->len);

    if (!k)
        return;
    k->lost_ms = now_ms;
    k->len = key->len;
    k->prefix = key->prefix;
    memcpy(k->name, key->name, key->len);
    ag_list_append(&g->keys, &k->link);
    if (++g->n_keys > GRACE_KEYS_MAX)
        key_drop(g, ag_list_first(&g->keys, struct grace_key, link));
}

void grace_note(struct grace *g, uint64_t now_ms, const struct peer *p)
{
    keys_expire(g, now_ms);
    ag_list_for_each (it, &p->subs) {
        const struct sub *s = ag_list_entry(it, struct sub, by_peer);

        if (!s->denied && s->key->subs.next == s->key->subs.prev) /* its only one */
            key_add(g, now_ms, s->key);
    }
}

static bool was_served(struct grace *g, uint64_t now_ms, struct ag_span method)
{
    keys_expire(g, now_ms);
    ag_list_for_each (it, &g->keys) {
        const struct grace_key *k = ag_list_entry(it, struct grace_key, link);

        if ((k->prefix ? method.len >= k->len : method.len == k->len) && memcmp(k->name, method.p, k->len) == 0)
            return true;
    }
    return false;
}

bool grace_take(struct grace *g, uint64_t now_ms, uint32_t wait_ms, struct peer *origin, uint32_t origin_id,
                struct ag_span method, struct ag_span bytes)
{
    struct grace_command *c;

    if (wait_ms == 0 || g->trying || g->n_commands >= GRACE_COMMANDS_MAX || g->bytes + bytes.len > GRACE_BYTES_MAX ||
        !was_served(g, now_ms, method))
        return false;
    c = malloc(sizeof *c + bytes.len);
    if (!c)
        return false;
    *c = (struct grace_command){
        .origin = origin, .came_ms = now_ms, .until_ms = now_ms + wait_ms, .origin_id = origin_id, .len = bytes.len};
    memcpy(c->bytes, bytes.p, bytes.len);
    ag_list_append(&g->commands, &c->link);
    g->n_commands++;
    origin->n_waiting++;
    g->bytes += c->len;
    return true;
}

unsigned grace_forget(struct grace *g, const struct peer *origin)
{
    struct ag_list *it, *next;
    unsigned n = 0;

    for (it = g->commands.next; it != &g->commands; it = next) {
        struct grace_command *c = ag_list_entry(it, struct grace_command, link);

        next = it->next;
        if (c->origin == origin) {
            grace_drop(g, c);
            n++;
        }
    }
    return n;
}
