/* SPDX-License-Identifier: MIT */
/*
 * When a report that failed is tried again: after a pause that doubles, until it is taken, or has been refused so often that
 * it never will be. What got lost on the way is tried again for as long as its queue keeps it.
 */
#ifndef MCU_REPORT_PACE_H
#define MCU_REPORT_PACE_H

#include <stdbool.h>
#include "libagent/core/backoff.h"
#include "libagent/core/buf.h"

enum {
    MCU_REPORT_RETRY_MS = 1000, /* first pause */
    MCU_REPORT_RETRY_MAX_MS = 30000,
    MCU_REPORT_REFUSALS = 5 /* in a row; then the message is given up */
};

/* How a message ended. */
enum mcu_report_end {
    MCU_REPORT_TAKEN,
    MCU_REPORT_LOST,   /* no connection, no answer: nobody knows it */
    MCU_REPORT_REFUSED /* the other side answered with an error of its own */
};

struct report_pace {
    uint64_t from_ms; /* not before */
    struct ag_backoff backoff;
    unsigned n_refused;
};

void report_pace_init(struct report_pace *p);

/* True: the message is over, taken or given up. False: from_ms says when to try again. */
bool report_pace_end(struct report_pace *p, enum mcu_report_end end, uint64_t now_ms);

/* Appends '{' and, when did is not empty, the member "did" with its comma. 0 or -ENOMEM. */
int report_begin_object(struct ag_buf *out, const char *did);

#endif
