/* SPDX-License-Identifier: MIT */
/*
 * Commands that the OT cloud has given, so that a repeat is not executed again but answered from memory. A repeat is the
 * same id with the same text: a restarted cloud counts its ids from the beginning again, and the same number with another
 * text is another command. An answered entry is forgotten some time after it came. Survives reconnects.
 *
 * A token stands for one entry and is never used again.
 */
#ifndef CLIENT_OT_MEMORY_H
#define CLIENT_OT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/list.h"

struct ot_memory_entry;

struct ot_memory {
    struct ot_memory_entry *by_id, *by_token; /* uthash */
    struct ag_list by_age;                    /* struct ot_memory_entry.age, oldest first */
    uint64_t next_token;
    unsigned n, max_n;
    size_t bytes, max_bytes; /* of answers kept */
    uint32_t keep_ms;        /* an answered one */
    uint32_t give_up_ms;     /* one that nobody answers */
};

enum ot_memory_verdict {
    OT_MEMORY_NEW,      /* execute it; *token_out stands for it */
    OT_MEMORY_OPEN,     /* a repeat; the answer is still to come */
    OT_MEMORY_ANSWERED, /* a repeat; *answer_out is what was answered, valid until the next call */
    OT_MEMORY_FULL      /* too many unanswered ones */
};

/* Defaults: 1024 commands, 1 MiB of answers, 30 s and 120 s; the fields may be changed before the first command. */
void ot_memory_init(struct ot_memory *m);
void ot_memory_deinit(struct ot_memory *m);

/* It would be a repeat. */
bool ot_memory_knows(struct ot_memory *m, uint64_t id, struct ag_span text, uint64_t now_ms);

/* A command has come. enum ot_memory_verdict, or -ENOMEM. */
int ot_memory_take(struct ot_memory *m, uint64_t id, struct ag_span text, uint64_t now_ms, uint64_t *token_out,
                   struct ag_span *answer_out);

/* It is not executed after all: forgotten. */
void ot_memory_drop(struct ot_memory *m, uint64_t token);

/* The id of an unanswered command. false: unknown, forgotten or answered before. */
bool ot_memory_id(const struct ot_memory *m, uint64_t token, uint64_t *id_out);

/* It has been answered; the text, as sent, is copied. If there is no memory, a repeat gets no answer. */
void ot_memory_answered(struct ot_memory *m, uint64_t token, struct ag_span answer);

/* Forgets what is old enough. */
void ot_memory_expire(struct ot_memory *m, uint64_t now_ms);

#endif
