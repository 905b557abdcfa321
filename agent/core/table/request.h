/* SPDX-License-Identifier: MIT */
/*
 * Requests: texts of applications that went upward with an id and wait for upstream's answer. Each goes up
 * under an id of the agent's own. The ids count up from a random point within 1..2^31-1 (old clients read
 * them as signed), and one that is still open is never drawn again.
 *
 * The table is indexed by the low bits of the id: ids are drawn in order, so a slot that is taken is simply
 * passed over, and finding an answer's request is one array access. Entries hang on their peer and, by
 * deadline, in one list.
 */
#ifndef AGENT_CORE_REQUEST_H
#define AGENT_CORE_REQUEST_H

#include "agent/core/table/peer.h"
#include "agent/core/table/pool.h"
#include "libagent/core/deadline.h"

/* Methods whose answers carry a method of the same family. */
enum family { FAMILY_NONE, FAMILY_LOCAL, FAMILY_INTERNAL };

struct request {
    struct ag_list by_peer;
    struct ag_deadline deadline;
    struct peer *peer;
    uint32_t id;     /* ours */
    uint32_t old_id; /* the application's */
    uint8_t family;
    uint8_t watched; /* bits of the monitors that saw it */
};

struct request_table {
    struct request **slots;
    uint32_t mask; /* number of slots - 1 */
    uint32_t n;
    uint32_t next_id;
    struct ag_list by_deadline; /* struct request.deadline */
    struct pool pool;
};

int request_table_init(struct request_table *t, uint32_t seed);
void request_table_deinit(struct request_table *t);

/* 0 or -ENOMEM. */
int request_add(struct request_table *t, struct peer *p, uint32_t old_id, uint64_t deadline_ms, struct request **request_out);
/* An id that no open request has and none will get for a long time; for a request that is kept elsewhere. */
uint32_t request_draw_id(struct request_table *t);
void request_remove(struct request_table *t, struct request *q);
/* The open request of this id of ours, or NULL. */
static inline struct request *request_find(const struct request_table *t, uint32_t id)
{
    struct request *q = t->slots[id & t->mask];

    return q && q->id == id ? q : NULL;
}
/* The one with the nearest deadline, or NULL. */
static inline struct request *request_first(const struct request_table *t)
{
    return ag_deadline_first(&t->by_deadline, struct request, deadline);
}

#endif
