/* SPDX-License-Identifier: MIT */
/*
 * Events on their way up: never merged, in order, at most three in any second, kept for ten minutes.
 * Source: MIoT serial, "event_occured".
 */
#ifndef MCU_EVENT_QUEUE_H
#define MCU_EVENT_QUEUE_H

#include "agent/apps/mcu/core/report/report_pace.h"
#include "agent/apps/mcu/core/wire/words.h"
#include "libagent/core/list.h"

enum {
    MCU_EVENTS_PER_SECOND = 3,
    MCU_EVENTS_MAX = 16,           /* kept unsent */
    MCU_EVENT_LIFE_MS = 600 * 1000 /* one that could not be sent for so long is given up */
};

struct event_queue {
    struct ag_list waiting; /* struct event; the first one may be under way */
    unsigned n;
    bool sent; /* the first one is under way */
    struct report_pace pace;
    uint64_t sent_ms[MCU_EVENTS_PER_SECOND]; /* when the last three left, oldest first */
    unsigned n_sent;
    uint64_t n_expired; /* given up for their age, counter */
};

void event_queue_init(struct event_queue *q);
void event_queue_deinit(struct event_queue *q);

/* Takes the parameters of a line. 0; MCU_REPORTS_E_*; -ENOMEM. */
int event_queue_add(struct event_queue *q, const struct mcu_words *words, uint64_t now_ms);

/* Drops what is too old. */
void event_queue_expire(struct event_queue *q, uint64_t now_ms);
uint64_t event_queue_expiry_ms(const struct event_queue *q);

/* As those of the properties. */
int event_queue_next(struct event_queue *q, uint64_t now_ms, const char *did, struct ag_buf *out);
bool event_queue_done(struct event_queue *q, enum mcu_report_end end, uint64_t now_ms);
uint64_t event_queue_due_ms(const struct event_queue *q);

#endif
