/* SPDX-License-Identifier: MIT */
/*
 * What the MCU reports, on its way up: properties and events, each in its queue, and whether there is
 * somebody to send them to. One message of each kind is under way at a time, so nothing overtakes.
 */
#ifndef MCU_REPORTS_H
#define MCU_REPORTS_H

#include "agent/apps/mcu/core/report/event_queue.h"
#include "agent/apps/mcu/core/report/prop_queue.h"

enum mcu_report_kind { MCU_REPORT_NONE, MCU_REPORT_PROPERTIES, MCU_REPORT_EVENT };

struct mcu_reports {
    bool up; /* there is somebody to send to */
    struct prop_queue props;
    struct event_queue events;
    uint64_t n_given_up; /* messages refused too often, counter */
};

void mcu_reports_init(struct mcu_reports *r);
void mcu_reports_deinit(struct mcu_reports *r);

/*
 * The next message that is due, as the params of properties_changed or event_occured; did, when not empty,
 * is in it as a string. 0 with *kind_out (MCU_REPORT_NONE: nothing is due), or -ENOMEM (nothing changed;
 * try later). Each message must be followed by mcu_reports_done() of its kind.
 */
int mcu_reports_next(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *params,
                     enum mcu_report_kind *kind_out);
void mcu_reports_done(struct mcu_reports *r, enum mcu_report_kind kind, enum mcu_report_end end, uint64_t now_ms);

/* When mcu_reports_next() should be asked again; AG_NEVER: not before something changes. */
uint64_t mcu_reports_due_ms(const struct mcu_reports *r);

#endif
