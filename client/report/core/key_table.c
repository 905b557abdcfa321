/* SPDX-License-Identifier: MIT */
#include "client/report/core/key_table.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_LEAST = 16 };

void key_table_deinit(struct key_table *t)
{
    free(t->slot);
    key_table_init(t, t->key, t->owner);
}

static size_t home_of(const struct key_table *t, uint64_t key)
{
    return (size_t) ((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->room - 1);
}

/* Where it is, or the free place where it would. */
static size_t place_of(const struct key_table *t, uint64_t key)
{
    size_t i = home_of(t, key);

    while (t->slot[i] && t->key(t->owner, t->slot[i]) != key)
        i = (i + 1) & (t->room - 1);
    return i;
}

uint32_t key_table_find(const struct key_table *t, uint64_t key)
{
    return t->room ? t->slot[place_of(t, key)] : 0;
}

static int resize(struct key_table *t, size_t room)
{
    struct key_table fresh = {
        .room = room, .n = t->n, .key = t->key, .owner = t->owner, .slot = calloc(room, sizeof *fresh.slot)};

    if (!fresh.slot)
        return -ENOMEM;
    for (size_t i = 0; i < t->room; i++) {
        if (t->slot[i])
            fresh.slot[place_of(&fresh, t->key(t->owner, t->slot[i]))] = t->slot[i];
    }
    free(t->slot);
    *t = fresh;
    return 0;
}

/* At most three quarters full. */
int key_table_add(struct key_table *t, uint32_t thing)
{
    if (t->n + 1 > t->room / 4 * 3) {
        int r = resize(t, t->room ? 2 * t->room : ROOM_LEAST);

        if (r < 0)
            return r;
    }
    t->slot[place_of(t, t->key(t->owner, thing))] = thing;
    t->n++;
    return 0;
}

/* Moves up what follows, so that no search ends early; gives memory back when an eighth is used. */
void key_table_remove(struct key_table *t, uint32_t thing)
{
    size_t hole = place_of(t, t->key(t->owner, thing)), i = hole, mask = t->room - 1;

    while (t->slot[i = (i + 1) & mask]) {
        size_t home = home_of(t, t->key(t->owner, t->slot[i]));

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        t->slot[hole] = t->slot[i];
        hole = i;
    }
    t->slot[hole] = 0;
    t->n--;
    if (t->n == 0)
        key_table_deinit(t);
    else if (t->room > ROOM_LEAST && t->n < t->room / 8)
        (void) resize(t, t->room / 2); /* short of memory it stays as it is */
}
