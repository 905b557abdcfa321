/* SPDX-License-Identifier: MIT */
/*
 * Finds things by a key that is in them, at only four bytes each, for tables that may hold ten thousand. The table knows them by
 * number, 1 to UINT32_MAX; the owner knows what has that number, and its key. Keys are chosen by the device itself, so nobody
 * can make them collide.
 */
#ifndef CLIENT_KEY_TABLE_H
#define CLIENT_KEY_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct key_table {
    uint32_t *slot; /* 0: free */
    size_t room, n; /* room: a power of two, or 0 */
    uint64_t (*key)(const void *owner, uint32_t thing);
    const void *owner;
};

static inline void key_table_init(struct key_table *t, uint64_t (*key)(const void *owner, uint32_t thing), const void *owner)
{
    *t = (struct key_table){.key = key, .owner = owner};
}
void key_table_deinit(struct key_table *t);

/* 0: none. */
uint32_t key_table_find(const struct key_table *t, uint64_t key);
/* Its key is not in the table yet. 0 or -ENOMEM. */
int key_table_add(struct key_table *t, uint32_t thing);
/* It is in the table. */
void key_table_remove(struct key_table *t, uint32_t thing);

#endif
