/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked list. A head and a link are the same struct; a link that is in no list points at
 * itself, so ag_list_del() may be called twice.
 */
#ifndef AG_LIST_H
#define AG_LIST_H

#include <stdbool.h>
#include "libagent/core/util.h"

struct ag_list {
    struct ag_list *prev, *next;
};

#define AG_LIST_INIT(name)                                                                                                       \
    {                                                                                                                            \
        &(name), &(name)                                                                                                         \
    }

static inline void ag_list_init(struct ag_list *l)
{
    l->prev = l->next = l;
}

static inline bool ag_list_empty(const struct ag_list *l)
{
    return l->next == l;
}

static inline void ag_list_add_before(struct ag_list *at, struct ag_list *l)
{
    l->prev = at->prev;
    l->next = at;
    at->prev->next = l;
    at->prev = l;
}

/* At the end of the list. */
static inline void ag_list_append(struct ag_list *head, struct ag_list *l)
{
    ag_list_add_before(head, l);
}

static inline void ag_list_prepend(struct ag_list *head, struct ag_list *l)
{
    ag_list_add_before(head->next, l);
}

static inline void ag_list_del(struct ag_list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    ag_list_init(l);
}

/* Moves all of from (a head) to the end of to; from is empty afterwards. */
static inline void ag_list_splice(struct ag_list *to, struct ag_list *from)
{
    if (ag_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    ag_list_init(from);
}

#define ag_list_entry(link, type, member) ag_container_of(link, type, member)

#define ag_list_first(head, type, member) (ag_list_empty(head) ? (type *) NULL : ag_list_entry((head)->next, type, member))

#define ag_list_for_each(it, head) for (struct ag_list *it = (head)->next; it != (head); it = it->next)

/* The current link may be deleted inside the loop; no other one may. */
#define ag_list_for_each_safe(it, head)                                                                                          \
    for (struct ag_list *it = (head)->next, *it##_next = it->next; it != (head); it = it##_next, it##_next = it->next)

#endif
