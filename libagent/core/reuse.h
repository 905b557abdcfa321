/* SPDX-License-Identifier: MIT */
/* Short-lived storage that is used again, so that a message in steady state allocates nothing. */
#ifndef AG_REUSE_H
#define AG_REUSE_H

#include <stdlib.h>
#include "libagent/core/buf.h"

/* Blocks of one size, at least that of a pointer, which nobody uses now. All zero: none. Ended by ag_spares_deinit(). */
struct ag_spare {
    struct ag_spare *next;
};

struct ag_spares {
    struct ag_spare *first;
    unsigned n;
};

/* A block of n bytes, all zero, to be freed or given back; NULL: out of memory. n is the same in every call. */
static inline void *ag_spares_take(struct ag_spares *s, size_t n)
{
    struct ag_spare *block = s->first;

    if (!block)
        return calloc(1, n);
    s->first = block->next;
    s->n--;
    return memset(block, 0, n);
}

/* Kept when fewer than max are, freed else. */
static inline void ag_spares_give(struct ag_spares *s, void *p, unsigned max)
{
    struct ag_spare *block = p;

    if (s->n >= max) {
        free(block);
        return;
    }
    block->next = s->first;
    s->first = block;
    s->n++;
}

static inline void ag_spares_deinit(struct ag_spares *s)
{
    while (s->first) {
        struct ag_spare *block = s->first;

        s->first = block->next;
        free(block);
    }
    s->n = 0;
}

/*
 * A buffer for one text after another. If it is borrowed while it is out already, it comes without storage and gets its own; the
 * first one that comes back is kept, unless it has become larger than max. What a secret one held is wiped.
 */
static inline struct ag_buf ag_scratch_take(struct ag_buf *scratch)
{
    struct ag_buf b = *scratch;

    *scratch = (struct ag_buf){.secret = b.secret};
    return b;
}

static inline void ag_scratch_give(struct ag_buf *scratch, struct ag_buf *b, size_t max)
{
    if (b->cap > max || scratch->data) {
        ag_buf_deinit(b);
        return;
    }
    if (b->secret && b->len > 0)
        explicit_bzero(b->data, b->len);
    ag_buf_clear(b);
    *scratch = *b;
}

#endif
