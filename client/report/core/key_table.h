/* SPDX-License-Identifier: MIT */
/*
 * Things found by a number that stands in them: one pointer each and no more, for tables that may hold ten thousand. The
 * numbers are the device's own, so nobody can choose them to fall together.
 */
#ifndef CLIENT_KEY_TABLE_H
#define CLIENT_KEY_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct key_table {
    void **slot;
    size_t room, n; /* room: a power of two, or 0 */
    uint64_t (*key)(const void *thing);
};

static inline void key_table_init(struct key_table *t, uint64_t (*key)(const void *thing))
{
    *t = (struct key_table){.key = key};
}
void key_table_deinit(struct key_table *t);

/* NULL: none. */
void *key_table_find(const struct key_table *t, uint64_t key);
/* Its number is not in the table yet. 0 or -ENOMEM. */
int key_table_add(struct key_table *t, void *thing);
/* It is in the table. */
void key_table_remove(struct key_table *t, const void *thing);

#endif
