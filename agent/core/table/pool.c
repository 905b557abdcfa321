/* SPDX-License-Identifier: MIT */
#include "agent/core/table/pool.h"

#include <assert.h>
#include <stdlib.h>

enum { SLAB_BYTES = 4000 };

struct pool_slab {
    struct pool_slab *next;
    max_align_t objects[];
};

void pool_init(struct pool *p, size_t size)
{
    size_t align = sizeof(void *);

    *p = (struct pool){.size = (size + align - 1) / align * align};
}

void pool_deinit(struct pool *p)
{
    struct pool_slab *s = p->slabs, *next;

    assert(p->n_used == 0);
    for (; s; s = next) {
        next = s->next;
        free(s);
    }
    p->slabs = NULL;
    p->free = NULL;
}

static int pool_grow(struct pool *p)
{
    struct pool_slab *s = malloc(sizeof *s + SLAB_BYTES);
    char *at;

    if (!s)
        return -1;
    s->next = p->slabs;
    p->slabs = s;
    for (at = (char *) s->objects; at + p->size <= (char *) s->objects + SLAB_BYTES; at += p->size) {
        struct pool_free *f = (void *) at;

        f->next = p->free;
        p->free = f;
    }
    return 0;
}

void *pool_get(struct pool *p)
{
    struct pool_free *f;

    if (!p->free && pool_grow(p) < 0)
        return NULL;
    f = p->free;
    p->free = f->next;
    p->n_used++;
    return f;
}

void pool_put(struct pool *p, void *object)
{
    struct pool_free *f = object;

    f->next = p->free;
    p->free = f;
    p->n_used--;
}
