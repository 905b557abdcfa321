/* SPDX-License-Identifier: MIT */
#include "agent/core/table/command.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_MIN_LOG2 = 6 };

int command_table_init(struct command_table *t)
{
    *t = (struct command_table){.shift = 32 - BUCKETS_MIN_LOG2};
    ag_list_init(&t->by_deadline);
    pool_init(&t->commands, sizeof(struct command));
    pool_init(&t->asks, sizeof(struct ask));
    t->buckets = calloc(1u << BUCKETS_MIN_LOG2, sizeof(struct command *));
    return t->buckets ? 0 : -ENOMEM;
}

void command_table_deinit(struct command_table *t)
{
    assert(t->n == 0);
    pool_deinit(&t->commands);
    pool_deinit(&t->asks);
    free(t->buckets);
    t->buckets = NULL;
}

static inline uint32_t bucket_of(uint32_t id, uint32_t shift)
{
    return id * 2654435769u >> shift;
}

static void bucket_append(struct command **at, struct command *c)
{
    while (*at)
        at = &(*at)->next;
    c->next = NULL;
    *at = c;
}

/* A table that cannot grow still works, only slower. */
static void table_grow(struct command_table *t)
{
    uint32_t shift = t->shift - 1;
    struct command **buckets = calloc((size_t) 1 << (32 - shift), sizeof *buckets), *c, *next;

    if (!buckets)
        return;
    for (size_t i = 0; i < (size_t) 1 << (32 - t->shift); i++) {
        for (c = t->buckets[i]; c; c = next) {
            next = c->next;
            bucket_append(&buckets[bucket_of(c->id, shift)], c);
        }
    }
    free(t->buckets);
    t->buckets = buckets;
    t->shift = shift;
}

int command_add(struct command_table *t, struct peer *origin, uint32_t id, uint64_t deadline_ms, struct command **command_out)
{
    struct command *c = pool_get(&t->commands);

    if (!c)
        return -ENOMEM;
    if (t->n >= (size_t) 1 << (32 - t->shift))
        table_grow(t);
    c->origin = origin;
    c->id = c->origin_id = id;
    c->watched = 0;
    ag_list_init(&c->asks);
    if (origin->role == PEER_APP)
        ag_list_append(&origin->calls, &c->by_origin);
    else
        ag_list_init(&c->by_origin);
    bucket_append(&t->buckets[bucket_of(id, t->shift)], c);
    ag_deadline_add(&t->by_deadline, &c->deadline, deadline_ms);
    t->n++;
    *command_out = c;
    return 0;
}

void command_remove(struct command_table *t, struct command *c)
{
    struct command **at = &t->buckets[bucket_of(c->id, t->shift)];

    while (!ag_list_empty(&c->asks))
        command_unask(t, ag_list_first(&c->asks, struct ask, by_command));
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    ag_deadline_del(&c->deadline);
    ag_list_del(&c->by_origin);
    t->n--;
    pool_put(&t->commands, c);
}

bool command_id_open(const struct command_table *t, uint32_t id)
{
    const struct command *c = t->buckets[bucket_of(id, t->shift)];

    while (c && c->id != id)
        c = c->next;
    return c;
}

int command_ask(struct command_table *t, struct command *c, struct peer *p)
{
    struct ask *a = pool_get(&t->asks);

    if (!a)
        return -ENOMEM;
    a->command = c;
    a->peer = p;
    ag_list_append(&c->asks, &a->by_command);
    ag_list_append(&p->asks, &a->by_peer);
    p->n_asks++;
    return 0;
}

void command_unask(struct command_table *t, struct ask *a)
{
    ag_list_del(&a->by_command);
    ag_list_del(&a->by_peer);
    a->peer->n_asks--;
    pool_put(&t->asks, a);
}

static bool asked(const struct command *c, const struct peer *p)
{
    ag_list_for_each (it, &c->asks) {
        if (ag_list_entry(it, struct ask, by_command)->peer == p)
            return true;
    }
    return false;
}

struct command *command_find(const struct command_table *t, uint32_t id, const struct peer *p)
{
    struct command *c = t->buckets[bucket_of(id, t->shift)];

    while (c && !(c->id == id && asked(c, p)))
        c = c->next;
    return c;
}
