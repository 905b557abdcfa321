/* SPDX-License-Identifier: MIT */
/*
 * How one subscription is asked for at a server that may not grant it: with the highest QoS first, then with one less,
 * down to 0. A server says no in three ways: it refuses, it does not answer, or it ends the connection; the last may be
 * chance, so it counts when it happens twice in a row. What has worked is asked for again at the next login. After the
 * last no it is given up, and started over every ten minutes: rules get mended.
 * A core: one per topic; answers and now_ms in, what to do out.
 */
#ifndef CLIENT_SUB_LADDER_H
#define CLIENT_SUB_LADDER_H

#include <stdbool.h>
#include <stdint.h>

enum { SUB_LADDER_WAIT_MS = 5000, SUB_LADDER_CUTS = 2, SUB_LADDER_AGAIN_MS = 600000 };

enum sub_ladder_state { SUB_IDLE, SUB_ASKING, SUB_STANDS, SUB_GIVEN_UP };

struct sub_ladder {
    enum sub_ladder_state state;
    uint8_t first, qos; /* the highest to ask for; the one in use */
    uint8_t cuts;       /* connections in a row that ended while it was being asked for */
    uint64_t due_ms;    /* asking: the answer is overdue; given up: to be started over. 0: never */
};

void sub_ladder_init(struct sub_ladder *s, uint8_t qos);

/* A session is up: true: ask now, with s->qos. false: given up for the time being. */
bool sub_ladder_begin(struct sub_ladder *s, uint64_t now_ms);

/* The answer: 0..2 granted, anything else a refusal. Afterwards s->state says: stands, asking (ask with s->qos), or
   given up. An answer that nobody waits for changes nothing. */
void sub_ladder_answered(struct sub_ladder *s, int result, uint64_t now_ms);
/* s->due_ms has come: as a refusal, or, given up, the beginning; ask when it is asking afterwards. */
void sub_ladder_overdue(struct sub_ladder *s, uint64_t now_ms);
/* The session has ended. true: it was being asked for. */
bool sub_ladder_lost(struct sub_ladder *s, uint64_t now_ms);

/* It stands, or nothing more is tried for now. */
bool sub_ladder_is_settled(const struct sub_ladder *s);

#endif
