/* SPDX-License-Identifier: MIT */
/* Any bytes as the store's file of an earlier version: it ends, reads nothing behind the end, and gives numbers in order. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/report/core/spool_old.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct bytes {
    const uint8_t *p;
    size_t n;
    uint64_t last;
    uint32_t sum;
};

static int read_bytes(void *user, uint64_t at, void *out, size_t n)
{
    const struct bytes *b = user;

    if (at > b->n || b->n - at < n)
        abort();
    memcpy(out, b->p + at, n);
    return 0;
}

static int on_record(void *user, uint64_t seq, struct ag_span record)
{
    struct bytes *b = user;

    if (b->last != 0 && seq <= b->last)
        abort();
    b->last = seq;
    for (size_t i = 0; i < record.len; i++) /* all of it is ours to read */
        b->sum += (uint8_t) record.p[i];
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct bytes b = {.p = data, .n = n};
    struct spool_source src = {read_bytes, &b, n};
    unsigned n_damaged = 0;

    if (spool_old_scan(&src, &n_damaged, on_record, &b) != 0 || (!spool_old_is(&src) && n_damaged != 1))
        abort();
    return 0;
}
