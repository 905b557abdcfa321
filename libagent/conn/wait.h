/* SPDX-License-Identifier: MIT */
/*
 * Who waits for which answer: found by id, ended by deadline. The waiting object embeds a struct ag_wait and is
 * found again by ag_container_of(); nothing is allocated here. Ids count up from a random start within 1..2147483647,
 * and one that is still waited for is never drawn again.
 */
#ifndef AG_WAIT_H
#define AG_WAIT_H

#include "libagent/core/deadline.h"

enum ag_wait_kind {
    AG_WAIT_CALL,     /* in struct agent_slot */
    AG_WAIT_REGISTER, /* in struct ag_key */
    AG_WAIT_BIND,     /* in struct agent_conn */
    AG_WAIT_STATUS    /* in struct agent_conn */
};

struct ag_wait {
    struct ag_list by_id; /* in a bucket; empty while nothing is waited for */
    struct ag_deadline deadline;
    uint32_t id;
    uint8_t kind; /* enum ag_wait_kind */
    bool guessed; /* the time was up and success was assumed: an answer still counts */
    bool busy;    /* it was refused for the time being: asked again at the deadline */
};

enum { AG_WAIT_BUCKETS = 64 };

struct ag_waits {
    struct ag_list buckets[AG_WAIT_BUCKETS]; /* by the low bits of the id: ids are consecutive, so this is even */
    struct ag_list deadlines;                /* struct ag_wait.deadline */
    uint32_t next_id;
};

/* random: any number, for the first id. */
void ag_waits_init(struct ag_waits *w, uint32_t random);

void ag_wait_init(struct ag_wait *a, enum ag_wait_kind kind);

/* Draws a->id and waits. a is not waiting yet. */
void ag_waits_add(struct ag_waits *w, struct ag_wait *a, uint64_t deadline_ms);
/* It is still found by id, but has no deadline any more. */
void ag_wait_forget_deadline(struct ag_wait *a);
/* Idempotent. */
void ag_wait_end(struct ag_wait *a);

/* NULL when nobody waits for id. */
struct ag_wait *ag_waits_find(struct ag_waits *w, uint32_t id);
/* The one with the earliest deadline, NULL when there is none. */
struct ag_wait *ag_waits_first(struct ag_waits *w);

#endif
