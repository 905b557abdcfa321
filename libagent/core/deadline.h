/* SPDX-License-Identifier: MIT */
/*
 * When something is due, in milliseconds of one clock; AG_NEVER: not at all. 0 is a time like any other, long past.
 *
 * And things that end by themselves, in a list ordered by when they end. Each embeds a struct ag_deadline; the list is a plain
 * struct ag_list, whose first entry is due next. Equal timeouts, the common case, find their place at once: it is the end.
 */
#ifndef AG_DEADLINE_H
#define AG_DEADLINE_H

#include <stdint.h>
#include "libagent/core/list.h"

#define AG_NEVER UINT64_MAX

static inline uint64_t ag_earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* 0: it is due; AG_NEVER stays what it is. */
static inline uint64_t ag_ms_until(uint64_t at_ms, uint64_t now_ms)
{
    if (at_ms == AG_NEVER)
        return AG_NEVER;
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

/* In seconds, rounded up; at most UINT32_MAX, which AG_NEVER becomes too. */
static inline unsigned ag_ceil_s(uint64_t ms)
{
    uint64_t s = ms / 1000 + (ms % 1000 > 0);

    return s < UINT32_MAX ? (unsigned) s : UINT32_MAX;
}

struct ag_deadline {
    struct ag_list link; /* empty: it has none */
    uint64_t at_ms;
};

static inline void ag_deadline_init(struct ag_deadline *d)
{
    ag_list_init(&d->link);
}

/* Behind those that are due earlier or at the same time. It is in no list yet. */
static inline void ag_deadline_add(struct ag_list *list, struct ag_deadline *d, uint64_t at_ms)
{
    struct ag_list *next = list;

    d->at_ms = at_ms;
    while (next->prev != list && ag_list_entry(next->prev, struct ag_deadline, link)->at_ms > at_ms)
        next = next->prev;
    ag_list_add_before(next, &d->link);
}

/* Idempotent. */
static inline void ag_deadline_del(struct ag_deadline *d)
{
    ag_list_del(&d->link);
}

/* The thing that is due next; NULL: none. member: its struct ag_deadline. */
#define ag_deadline_first(list, type, member) ag_list_first(list, type, member.link)

/* When that is; AG_NEVER: the list is empty. */
static inline uint64_t ag_deadline_next_ms(const struct ag_list *list)
{
    return ag_list_empty(list) ? AG_NEVER : ag_list_entry(list->next, struct ag_deadline, link)->at_ms;
}

#endif
