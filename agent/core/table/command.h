/* SPDX-License-Identifier: MIT */
/*
 * Commands: texts that went down with an id and wait for a subscriber's answer. The id stays the asker's own,
 * so a table by id finds the command of an answer; several commands may be open under one id, then an answer
 * belongs to the oldest one that its application was asked. An ask ties a command to one subscriber: only who was asked
 * can answer.
 *
 * A command is owned by the table and ends with its first answer, its deadline, its last subscriber, or its
 * asker.
 */
#ifndef AGENT_CORE_COMMAND_H
#define AGENT_CORE_COMMAND_H

#include "agent/core/table/peer.h"
#include "agent/core/table/pool.h"
#include "libagent/core/deadline.h"

struct command;

struct ask {
    struct ag_list by_command, by_peer;
    struct command *command;
    struct peer *peer;
};

struct command {
    struct command *next; /* in its bucket, oldest first */
    struct ag_deadline deadline;
    struct ag_list by_origin; /* in origin->calls; alone when upstream asked */
    struct ag_list asks;
    struct peer *origin; /* who wants the answer: upstream or the application of an agent.call */
    uint32_t id;         /* on the wire to the subscribers */
    uint32_t origin_id;  /* for the asker; differs from id for agent.call only */
    uint8_t watched;     /* bits of the monitors that saw it */
};

struct command_table {
    struct command **buckets;
    uint32_t shift; /* 32 - log2(number of buckets) */
    uint32_t n;
    struct ag_list by_deadline; /* struct command.deadline */
    struct pool commands, asks;
};

int command_table_init(struct command_table *t);
void command_table_deinit(struct command_table *t);

/* 0 or -ENOMEM. */
int command_add(struct command_table *t, struct peer *origin, uint32_t id, uint64_t deadline_ms, struct command **command_out);
void command_remove(struct command_table *t, struct command *c);
bool command_id_open(const struct command_table *t, uint32_t id);

int command_ask(struct command_table *t, struct command *c, struct peer *p);
void command_unask(struct command_table *t, struct ask *a);
/* The oldest open command of this id that the peer was asked, or NULL. */
struct command *command_find(const struct command_table *t, uint32_t id, const struct peer *p);

static inline struct command *command_first(const struct command_table *t)
{
    return ag_deadline_first(&t->by_deadline, struct command, deadline);
}

#endif
