/* SPDX-License-Identifier: MIT */
#include "libagent/conn/posts.h"

void ag_posts_init(struct ag_posts *q)
{
    atomic_init(&q->head, 0);
    q->tail = 0;
    for (unsigned i = 0; i < AG_POSTS_MAX; i++)
        atomic_init(&q->cells[i].turn, i);
}

bool ag_posts_put(struct ag_posts *q, agent_post_fn fn, void *user)
{
    unsigned at = atomic_load_explicit(&q->head, memory_order_relaxed);
    struct ag_post *cell;

    for (;;) {
        int ahead;

        cell = &q->cells[at % AG_POSTS_MAX];
        ahead = (int) (atomic_load_explicit(&cell->turn, memory_order_acquire) - at);
        if (ahead < 0)
            return false; /* a whole round behind: not taken yet */
        if (ahead > 0)
            at = atomic_load_explicit(&q->head, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(&q->head, &at, at + 1, memory_order_relaxed, memory_order_relaxed))
            break;
    }
    cell->fn = fn;
    cell->user = user;
    atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
    return true;
}

bool ag_posts_take(struct ag_posts *q, unsigned end, agent_post_fn *fn_out, void **user_out)
{
    struct ag_post *cell = &q->cells[q->tail % AG_POSTS_MAX];

    if ((int) (end - q->tail) <= 0 || atomic_load_explicit(&cell->turn, memory_order_acquire) != q->tail + 1)
        return false;
    *fn_out = cell->fn;
    *user_out = cell->user;
    atomic_store_explicit(&cell->turn, q->tail + AG_POSTS_MAX, memory_order_release);
    q->tail++;
    return true;
}
