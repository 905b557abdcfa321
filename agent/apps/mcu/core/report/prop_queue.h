/* SPDX-License-Identifier: MIT */
/*
 * Property values on their way up: the last value of a property wins, all changed ones travel in one message,
 * at most once a second. One message is under way at a time, and a value never goes backwards. Source: MIoT
 * serial, "properties_changed".
 */
#ifndef MCU_PROP_QUEUE_H
#define MCU_PROP_QUEUE_H

#include "agent/apps/mcu/core/report/report_pace.h"
#include "agent/apps/mcu/core/wire/words.h"
#include "libagent/core/list.h"

enum {
    MCU_PROPS_PERIOD_MS = 1000,
    MCU_PROPS_MAX = 1024, /* different properties kept unsent */
    MCU_PROPS_PER_MESSAGE = 64
};

/* Named conditions of both queues. */
enum {
    MCU_REPORTS_E_SYNTAX = 1, /* parameters of the wrong shape */
    MCU_REPORTS_E_FULL
};

struct prop_queue {
    struct ag_list waiting; /* struct prop */
    struct ag_list sending; /* struct prop: in the message under way */
    unsigned n;             /* in both */
    bool more;              /* the message under way did not hold all properties of its second */
    struct report_pace pace;
};

void prop_queue_init(struct prop_queue *q);
void prop_queue_deinit(struct prop_queue *q);

/* Takes the parameters of a line, all or nothing. 0; MCU_REPORTS_E_*; -ENOMEM. */
int prop_queue_add(struct prop_queue *q, const struct mcu_words *words);

/* Prints the message that is due, see prop_queue_due_ms(). 0, or -ENOMEM (nothing changed; due again later).
 */
int prop_queue_next(struct prop_queue *q, uint64_t now_ms, const char *did, struct ag_buf *out);
/* The end of that message. False: it was given up. */
bool prop_queue_done(struct prop_queue *q, enum mcu_report_end end, uint64_t now_ms);

/* When a message is due; AG_NEVER: none is. */
uint64_t prop_queue_due_ms(const struct prop_queue *q);

#endif
