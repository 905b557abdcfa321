/* SPDX-License-Identifier: MIT */
#include "client/lan/core/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

void replay_init(struct replay *r, unsigned max)
{
    *r = (struct replay){.max = max};
}

void replay_deinit(struct replay *r)
{
    free(r->heap);
    free(r->set);
    replay_init(r, r->max);
}

/* Half of an MD5 tells packets apart as well as the whole. Never 0. */
static uint64_t key_of(const uint8_t sum[REPLAY_SUM_LEN])
{
    uint64_t key;

    memcpy(&key, sum, sizeof key);
    return key ? key : 1;
}

/* ---- the set ---- */

static unsigned set_mask(const struct replay *r)
{
    return 2 * r->room - 1;
}

/* Where it is, or the free place where it would. */
static unsigned set_find(const struct replay *r, uint64_t key)
{
    unsigned i = (unsigned) (key >> 32) & set_mask(r);

    while (r->set[i] != 0 && r->set[i] != key)
        i = (i + 1) & set_mask(r);
    return i;
}

/* Moves up what follows, so that no search ends early. */
static void set_remove(struct replay *r, uint64_t key)
{
    unsigned mask = set_mask(r), hole = set_find(r, key), i = hole;

    while (r->set[i = (i + 1) & mask] != 0) {
        unsigned home = (unsigned) (r->set[i] >> 32) & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        r->set[hole] = r->set[i];
        hole = i;
    }
    r->set[hole] = 0;
}

/* ---- the heap ---- */

static void sift_down(struct replay *r, unsigned i)
{
    struct replay_entry e = r->heap[i];

    for (;;) {
        unsigned child = 2 * i + 1;

        if (child + 1 < r->n && r->heap[child + 1].stamp < r->heap[child].stamp)
            child++;
        if (child >= r->n || r->heap[child].stamp >= e.stamp)
            break;
        r->heap[i] = r->heap[child];
        i = child;
    }
    r->heap[i] = e;
}

static void sift_up(struct replay *r, unsigned i)
{
    struct replay_entry e = r->heap[i];

    while (i > 0 && r->heap[(i - 1) / 2].stamp > e.stamp) {
        r->heap[i] = r->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->heap[i] = e;
}

static void forget_lowest(struct replay *r)
{
    r->narrowed = true;
    r->floor = r->heap[0].stamp;
    set_remove(r, r->heap[0].sum);
    r->heap[0] = r->heap[--r->n];
    if (r->n > 0)
        sift_down(r, 0);
}

/* ---- both ---- */

static int grow(struct replay *r)
{
    unsigned room = r->room ? 2 * r->room : ROOM_FIRST;
    struct replay_entry *heap = realloc(r->heap, room * sizeof *heap);
    uint64_t *set;

    if (!heap)
        return -ENOMEM;
    r->heap = heap; /* larger than room says for a while, when the set fails */
    set = calloc(2 * (size_t) room, sizeof *set);
    if (!set)
        return -ENOMEM;
    free(r->set);
    r->set = set;
    r->room = room;
    for (unsigned i = 0; i < r->n; i++)
        r->set[set_find(r, heap[i].sum)] = heap[i].sum;
    return 0;
}

enum replay_verdict replay_look(const struct replay *r, const uint8_t sum[REPLAY_SUM_LEN], uint32_t stamp)
{
    uint64_t key = key_of(sum);

    if (r->n > 0 && r->set[set_find(r, key)] == key)
        return REPLAY_SEEN;
    return r->narrowed && stamp <= r->floor ? REPLAY_TOO_OLD : REPLAY_NEW;
}

int replay_add(struct replay *r, const uint8_t sum[REPLAY_SUM_LEN], uint32_t stamp)
{
    uint64_t key = key_of(sum);

    if (r->n >= r->max)
        forget_lowest(r);
    else if (r->n == r->room && grow(r) < 0)
        return -ENOMEM;
    r->set[set_find(r, key)] = key;
    r->heap[r->n] = (struct replay_entry){key, stamp};
    sift_up(r, r->n++);
    return 0;
}

void replay_forget_above(struct replay *r, uint32_t stamp)
{
    unsigned n = r->n;

    r->n = 0;
    for (unsigned i = 0; i < n; i++) {
        if (r->heap[i].stamp > stamp)
            set_remove(r, r->heap[i].sum);
        else
            r->heap[r->n++] = r->heap[i];
    }
    for (unsigned i = r->n / 2; i-- > 0;)
        sift_down(r, i);
    if (r->narrowed && r->floor > stamp)
        r->narrowed = false;
}
