/* SPDX-License-Identifier: MIT */
/* Where each kept record is in the store's file, and who needs it: in the order of the numbers. */
#ifndef CLIENT_SPOOL_INDEX_H
#define CLIENT_SPOOL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_place {
    uint64_t seq, at;
    uint32_t size;   /* of the entry in the file; 0: taken out */
    uint16_t needs;  /* as the file has it */
    uint16_t wanted; /* as it is to be; only the loop uses it */
};

struct spool_index {
    struct spool_place *p; /* by ascending seq; those taken out are dropped now and then */
    size_t n, cap, n_out;
    uint64_t bytes; /* of the entries that are here */
};

void spool_index_init(struct spool_index *x);
void spool_index_deinit(struct spool_index *x);
void spool_index_clear(struct spool_index *x);

/* The next n records need no memory. 0, -ENOMEM. */
int spool_index_reserve(struct spool_index *x, size_t n);
/* 0, -EEXIST, -ENOMEM. */
int spool_index_add(struct spool_index *x, uint64_t seq, uint64_t at, uint32_t size, unsigned needs);
/* NULL: not here. Valid until the next add or remove. */
struct spool_place *spool_index_find(const struct spool_index *x, uint64_t seq);
bool spool_index_remove(struct spool_index *x, uint64_t seq);
size_t spool_index_count(const struct spool_index *x);

#endif
