/* SPDX-License-Identifier: MIT */
#include "client/report/core/spool_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/grow.h"

enum { FEW = 64 };

void spool_index_init(struct spool_index *x)
{
    *x = (struct spool_index){0};
}

void spool_index_deinit(struct spool_index *x)
{
    free(x->p);
    spool_index_init(x);
}

void spool_index_clear(struct spool_index *x)
{
    x->n = x->n_out = 0;
    x->bytes = 0;
}

/* The first one whose number is not below seq. */
static size_t lower(const struct spool_index *x, uint64_t seq)
{
    size_t low = 0, high = x->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (x->p[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct spool_place *spool_index_find(const struct spool_index *x, uint64_t seq)
{
    size_t i = lower(x, seq);

    return i < x->n && x->p[i].seq == seq && x->p[i].size > 0 ? &x->p[i] : NULL;
}

int spool_index_reserve(struct spool_index *x, size_t n)
{
    return AG_GROW(x->p, x->cap, x->n + n);
}

static void drop_those_out(struct spool_index *x)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n; i++) {
        if (x->p[i].size > 0)
            x->p[n++] = x->p[i];
    }
    x->n = n;
    x->n_out = 0;
}

int spool_index_add(struct spool_index *x, uint64_t seq, uint64_t at, uint32_t size, unsigned needs)
{
    size_t i = lower(x, seq);

    if (i < x->n && x->p[i].seq == seq) {
        if (x->p[i].size > 0)
            return -EEXIST;
        x->n_out--;
    } else {
        if (AG_GROW(x->p, x->cap, x->n + 1) < 0)
            return -ENOMEM;
        memmove(x->p + i + 1, x->p + i, (x->n - i) * sizeof *x->p);
        x->n++;
    }
    x->p[i] = (struct spool_place){seq, at, size, (uint16_t) needs, (uint16_t) needs};
    x->bytes += size;
    return 0;
}

bool spool_index_remove(struct spool_index *x, uint64_t seq)
{
    struct spool_place *p = spool_index_find(x, seq);

    if (!p)
        return false;
    x->bytes -= p->size;
    p->size = 0;
    if (++x->n_out > FEW && x->n_out > x->n / 2)
        drop_those_out(x);
    return true;
}

size_t spool_index_count(const struct spool_index *x)
{
    return x->n - x->n_out;
}
