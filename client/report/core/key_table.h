/* SPDX-License-Identifier: MIT */
/*
 * Things found by a key that is in them: four bytes each and no more, for tables that may hold ten thousand. The table knows
 * them by number, 1 to UINT32_MAX; whose number it is, and its key, the owner says. Keys are the device's own, so nobody can
 * choose them to fall together.
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
