/* SPDX-License-Identifier: MIT */
/*
 * Which packets have been taken already, so that none is taken twice, whoever sends it again and however much later. A
 * packet is known by its checksum, which only a holder of the secret can make, and by its stamp. At most max are
 * known; beyond that those with the lowest stamps are forgotten, and from then on packets stamped no later are refused: the
 * window narrows to what the memory covers.
 *
 * An all-zero struct is not valid: replay_init() sets the limit. Nothing is allocated before the first packet.
 */
#ifndef CLIENT_REPLAY_H
#define CLIENT_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_MAX = 16384, REPLAY_SUM_LEN = 16 };

struct replay_entry {
    uint64_t sum;
    uint32_t stamp;
};

struct replay {
    struct replay_entry *heap; /* lowest stamp first */
    uint64_t *set;             /* the sums, open addressing; 0: free */
    unsigned n, max, room;     /* room: of the heap; the set has twice as many places */
    bool narrowed;
    uint32_t floor; /* when narrowed: stamps up to here are refused */
};

enum replay_verdict {
    REPLAY_NEW,     /* never taken */
    REPLAY_SEEN,    /* taken before */
    REPLAY_TOO_OLD, /* older than what is covered: cannot be told */
};

/* max: 1..REPLAY_MAX */
void replay_init(struct replay *r, unsigned max);
void replay_deinit(struct replay *r);

/* Changes nothing. */
enum replay_verdict replay_look(const struct replay *r, const uint8_t sum[REPLAY_SUM_LEN], uint32_t stamp);

/* For a packet that is REPLAY_NEW and is now taken. 0, or -ENOMEM: then it must not be taken. */
int replay_add(struct replay *r, const uint8_t sum[REPLAY_SUM_LEN], uint32_t stamp);

/* The clock was set back: packets stamped beyond stamp are refused for that anyway, and would narrow the window. */
void replay_forget_above(struct replay *r, uint32_t stamp);

#endif
