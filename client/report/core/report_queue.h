/* SPDX-License-Identifier: MIT */
/*
 * The order of the reports that are kept for one cloud: which one goes next, what must give way when there are too many,
 * and what the cloud has taken. It holds numbers only; the texts are in the store (client/report/io/spool.h), under the same
 * sequence numbers.
 *
 *   add -> WRITING --stored--> STORED --next--> SENT --acked--> gone
 *                                 ^------ lost, failed ---|
 *
 * Invariants: sequence numbers grow and give the order; a report leaves only when it is acknowledged, replaced by a later
 * one about the same thing, too old, the oldest of too many, unreadable, or its owner has gone; each such end is counted.
 * A report replaces others only once it is stored: a store that refuses everything costs no report that is here.
 *
 * Entries are allocated in chunks, which are freed when the queue is empty: ten thousand of them take a megabyte.
 *
 * Ages are measured by a clock that nobody sets (born_ms and now_ms, milliseconds), so no step of the device's own clock makes a
 * report older, younger or earlier than another.
 */
#ifndef CLIENT_REPORT_QUEUE_H
#define CLIENT_REPORT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include "client/report/core/key_table.h"
#include "libagent/core/list.h"

struct report_entry;

struct report_limits {
    unsigned max_reports;
    size_t max_bytes;
    uint32_t max_age_s;
};

struct report_queue {
    struct report_limits limits;
    /* The store need no longer keep it. */
    void (*forget)(void *user, uint64_t seq);
    void *user;
    struct key_table by_id, by_topic; /* by_topic: the latest one that has not been sent */
    struct entry_chunk **chunks;      /* all entries, by number */
    unsigned n_chunks;
    struct ag_list unused;       /* of them */
    struct ag_list waiting;      /* WRITING and STORED, in order */
    struct ag_list sent;         /* SENT */
    struct ag_list held;         /* sent without success although the session lasts: to be tried again a little later */
    unsigned n, n_writing;       /* in all; of them WRITING */
    size_t bytes, writing_bytes; /* of their texts */
    /* kept and restored are what came; n and the others say what became of each */
    uint64_t n_kept, n_restored, n_acked, n_replaced, n_too_old, n_too_many, n_refused, n_unreadable, n_forgotten, n_unwritten;
};

/* When a report was made. */
struct report_birth {
    int64_t born_ms; /* by the clock of now_ms; before 0: in an earlier boot */
    uint32_t at_s;   /* Unix seconds, for one of an earlier boot; 0: born_ms tells it */
};

/* What report_queue_next() gives out. */
struct report_next {
    uint64_t seq;
    uint32_t id;
    struct report_birth birth;
};

void report_queue_init(struct report_queue *q, const struct report_limits *limits, void (*forget)(void *user, uint64_t seq),
                       void *user);
/* Nothing is forgotten in the store. */
void report_queue_deinit(struct report_queue *q);

/*
 * A new report under a number above all others; topic 0: keep all of its kind; tells: this cloud's word on it is the
 * application's answer. 0; -EEXIST: the id is here already; -EFBIG: larger than the whole queue may be; -ENOMEM.
 */
int report_queue_add(struct report_queue *q, uint64_t seq, uint32_t id, uint64_t topic, size_t size, int64_t born_ms, bool tells);
/* One that the store held at the start; in the order of seq. 0, -EEXIST, -ENOMEM. */
int report_queue_restore(struct report_queue *q, uint64_t seq, uint32_t id, uint64_t topic, size_t size,
                         struct report_birth birth);

/* Below, id and seq name the same report; if the id has another number by now, nothing happens. */

/* The store has it for good. What it replaces is forgotten within the call. true: this was waited for, and its end is the
   application's answer. */
bool report_queue_stored(struct report_queue *q, uint32_t id, uint64_t seq);
/* The store could not take it. */
void report_queue_not_stored(struct report_queue *q, uint32_t id, uint64_t seq);

/* The next one to send. false: none. */
bool report_queue_next(struct report_queue *q, uint64_t now_ms, struct report_next *out);
/* The cloud has it; possibly one that is not stored yet, which the cloud got directly. */
void report_queue_sent(struct report_queue *q, uint32_t id, uint64_t seq);
/* The cloud did not take it just now: it is the next one again. */
void report_queue_unsent(struct report_queue *q, uint32_t id, uint64_t seq);

/* false: no such id here. */
bool report_queue_has(const struct report_queue *q, uint32_t id);
/* It is known, and is in the store. */
bool report_queue_is_stored(const struct report_queue *q, uint32_t id);
/* It is known, and this cloud's word on it is the application's answer. */
bool report_queue_tells(const struct report_queue *q, uint32_t id);
bool report_queue_acked(struct report_queue *q, uint32_t id);
/* The store can no longer read it. */
void report_queue_unreadable(struct report_queue *q, uint32_t id, uint64_t seq);
/* The cloud cannot carry it. */
bool report_queue_refused(struct report_queue *q, uint32_t id);
/* It was not acknowledged although the session lasts: it is held back. */
bool report_queue_hold(struct report_queue *q, uint32_t id);
/* Those held back wait again, in order. */
void report_queue_release(struct report_queue *q);
/* The session ended: all that was sent or held waits again, in order. */
void report_queue_rewind(struct report_queue *q);

/* The device changes its owner: nothing of the last one's may be reported. */
void report_queue_forget_all(struct report_queue *q);

/* The one that has waited longest. false: none. */
bool report_queue_oldest(const struct report_queue *q, struct report_birth *out);

/* Nothing is kept. */
bool report_queue_empty(const struct report_queue *q);
/* Nothing waits for its turn: what comes now may overtake those held back. */
bool report_queue_drained(const struct report_queue *q);

#endif
