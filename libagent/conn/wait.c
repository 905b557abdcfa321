/* SPDX-License-Identifier: MIT */
#include "libagent/conn/wait.h"

#include "libagent/core/ids.h"

void ag_waits_init(struct ag_waits *w, uint32_t random)
{
    for (size_t i = 0; i < AG_WAIT_BUCKETS; i++)
        ag_list_init(&w->buckets[i]);
    ag_list_init(&w->deadlines);
    w->next_id = ag_id_from(random);
}

void ag_wait_init(struct ag_wait *a, enum ag_wait_kind kind)
{
    ag_list_init(&a->by_id);
    ag_deadline_init(&a->deadline);
    a->kind = (uint8_t) kind;
}

void ag_waits_add(struct ag_waits *w, struct ag_wait *a, uint64_t deadline_ms)
{
    while (ag_waits_find(w, w->next_id))
        w->next_id = ag_id_next(w->next_id);
    a->id = w->next_id;
    w->next_id = ag_id_next(w->next_id);
    a->guessed = a->busy = false;
    ag_list_append(&w->buckets[a->id % AG_WAIT_BUCKETS], &a->by_id);
    ag_deadline_add(&w->deadlines, &a->deadline, deadline_ms);
}

void ag_wait_forget_deadline(struct ag_wait *a)
{
    ag_deadline_del(&a->deadline);
}

void ag_wait_end(struct ag_wait *a)
{
    ag_list_del(&a->by_id);
    ag_deadline_del(&a->deadline);
}

struct ag_wait *ag_waits_find(struct ag_waits *w, uint32_t id)
{
    ag_list_for_each (it, &w->buckets[id % AG_WAIT_BUCKETS]) {
        struct ag_wait *a = ag_list_entry(it, struct ag_wait, by_id);

        if (a->id == id)
            return a;
    }
    return NULL;
}

struct ag_wait *ag_waits_first(struct ag_waits *w)
{
    return ag_deadline_first(&w->deadlines, struct ag_wait, deadline);
}
