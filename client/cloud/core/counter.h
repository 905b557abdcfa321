/* SPDX-License-Identifier: MIT */
/* Counters by tables: a row is a name and a field. */
#ifndef CLIENT_COUNTER_H
#define CLIENT_COUNTER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "libagent/core/util.h"

typedef void counter_fn(void *user, const char *name, uint64_t n);

struct counter {
    const char *name;
    size_t at, size;
};

/* field: a uint64_t, a size_t or an unsigned. */
#define COUNTER(name, type, field)                                                                                               \
    {                                                                                                                            \
        name, offsetof(type, field), sizeof(((type *) NULL)->field)                                                              \
    }

static inline uint64_t counter_of(const void *from, const struct counter *c)
{
    const char *at = (const char *) from + c->at;
    uint64_t large;
    uint32_t small;

    if (c->size == sizeof small)
        return memcpy(&small, at, sizeof small), small;
    return memcpy(&large, at, sizeof large), large;
}

static inline void counters_each(const struct counter *counters, size_t n, const void *from, counter_fn *fn, void *user)
{
    for (size_t i = 0; i < n; i++)
        fn(user, counters[i].name, counter_of(from, &counters[i]));
}

/* All rows of an array of struct counter; from: the struct that has the fields. */
#define counters_tell(counters, from, fn, user) counters_each(counters, ag_array_size(counters), from, fn, user)

#endif
