/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size, taken and given back without touching the heap once the pool has grown to what is
 * needed. Memory goes back to the heap only at the end: the number of objects is bounded by the limits of
 * their users.
 */
#ifndef AGENT_CORE_POOL_H
#define AGENT_CORE_POOL_H

#include <stddef.h>

struct pool_slab;
struct pool_free {
    struct pool_free *next;
};

struct pool {
    size_t size;
    struct pool_free *free;
    struct pool_slab *slabs;
    size_t n_used;
};

/* size: of one object, at least that of a pointer. */
void pool_init(struct pool *p, size_t size);
/* Every object must have been put back. */
void pool_deinit(struct pool *p);
/* Uninitialised memory, or NULL when memory is short. */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

#endif
