/* SPDX-License-Identifier: MIT */
#include "agent/core/table/request.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "libagent/core/ids.h"

enum { SLOTS_MIN = 64 };

int request_table_init(struct request_table *t, uint32_t seed)
{
    *t = (struct request_table){.mask = SLOTS_MIN - 1, .next_id = ag_id_from(seed)};
    ag_list_init(&t->by_deadline);
    pool_init(&t->pool, sizeof(struct request));
    t->slots = calloc(SLOTS_MIN, sizeof(struct request *));
    return t->slots ? 0 : -ENOMEM;
}

void request_table_deinit(struct request_table *t)
{
    assert(t->n == 0);
    pool_deinit(&t->pool);
    free(t->slots);
    t->slots = NULL;
}

/* Ids that differ in the low bits still do so when one more bit counts: no two can meet in the larger table.
 */
static int table_grow(struct request_table *t)
{
    uint32_t mask = t->mask * 2 + 1;
    struct request **slots = calloc((size_t) mask + 1, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->slots[i])
            slots[t->slots[i]->id & mask] = t->slots[i];
    free(t->slots);
    t->slots = slots;
    t->mask = mask;
    return 0;
}

uint32_t request_draw_id(struct request_table *t)
{
    uint32_t id;

    do {
        id = t->next_id;
        t->next_id = ag_id_next(id);
    } while (t->slots[id & t->mask]);
    return id;
}

int request_add(struct request_table *t, struct peer *p, uint32_t old_id, uint64_t deadline_ms, struct request **request_out)
{
    struct request *q;

    if (t->n > t->mask / 2 && table_grow(t) < 0)
        return -ENOMEM;
    q = pool_get(&t->pool);
    if (!q)
        return -ENOMEM;
    q->peer = p;
    q->id = request_draw_id(t);
    q->old_id = old_id;
    q->family = FAMILY_NONE;
    q->watched = 0;
    t->slots[q->id & t->mask] = q;
    t->n++;
    ag_deadline_add(&t->by_deadline, &q->deadline, deadline_ms);
    ag_list_append(&p->requests, &q->by_peer);
    p->n_requests++;
    *request_out = q;
    return 0;
}

void request_remove(struct request_table *t, struct request *q)
{
    t->slots[q->id & t->mask] = NULL;
    t->n--;
    q->peer->n_requests--;
    ag_deadline_del(&q->deadline);
    ag_list_del(&q->by_peer);
    pool_put(&t->pool, q);
}
