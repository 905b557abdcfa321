/* SPDX-License-Identifier: MIT */
/*
 * Work that other threads and signal handlers hand over: a ring of fixed size, many producers, one consumer. Putting
 * allocates nothing and waits for nobody, so it may interrupt anything, another put included.
 *
 * Each cell has a turn number. A producer that finds the number of its place there claims the place by counting head
 * up, writes, and then raises the cell's number by one, which is what the consumer waits for; the consumer raises it to
 * the number that the place has in the next round. Numbers wrap; only differences are looked at.
 */
#ifndef AG_POSTS_H
#define AG_POSTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include "agent/agent.h"

enum { AG_POSTS_MAX = AGENT_POST_MAX };

struct ag_post {
    atomic_uint turn;
    agent_post_fn fn;
    void *user;
};

struct ag_posts {
    atomic_uint head; /* the next place to claim */
    unsigned tail;    /* the next one to run; the consumer's */
    struct ag_post cells[AG_POSTS_MAX];
};

void ag_posts_init(struct ag_posts *q);
/* Any thread, any signal handler. False: full. */
bool ag_posts_put(struct ag_posts *q, agent_post_fn fn, void *user);
/* The oldest, when it is whole and before the place end. False: none. */
bool ag_posts_take(struct ag_posts *q, unsigned end, agent_post_fn *fn_out, void **user_out);
/* The place behind what has been put by now. */
static inline unsigned ag_posts_end(const struct ag_posts *q)
{
    return atomic_load_explicit(&q->head, memory_order_relaxed);
}

#endif
