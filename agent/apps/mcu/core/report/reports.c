/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/report/reports.h"

#include "libagent/core/deadline.h"

void mcu_reports_init(struct mcu_reports *r)
{
    *r = (struct mcu_reports){.up = false};
    prop_queue_init(&r->props);
    event_queue_init(&r->events);
}

void mcu_reports_deinit(struct mcu_reports *r)
{
    prop_queue_deinit(&r->props);
    event_queue_deinit(&r->events);
}

int mcu_reports_next(struct mcu_reports *r, uint64_t now_ms, const char *did, struct ag_buf *params,
                     enum mcu_report_kind *kind_out)
{
    enum mcu_report_kind kind = MCU_REPORT_NONE;
    int e = 0;

    event_queue_expire(&r->events, now_ms);
    if (r->up && now_ms >= event_queue_due_ms(&r->events)) {
        kind = MCU_REPORT_EVENT;
        e = event_queue_next(&r->events, now_ms, did, params);
    } else if (r->up && now_ms >= prop_queue_due_ms(&r->props)) {
        kind = MCU_REPORT_PROPERTIES;
        e = prop_queue_next(&r->props, now_ms, did, params);
    }
    *kind_out = e < 0 ? MCU_REPORT_NONE : kind;
    return e;
}

void mcu_reports_done(struct mcu_reports *r, enum mcu_report_kind kind, enum mcu_report_end end, uint64_t now_ms)
{
    bool kept = true;

    if (kind == MCU_REPORT_PROPERTIES)
        kept = prop_queue_done(&r->props, end, now_ms);
    else if (kind == MCU_REPORT_EVENT)
        kept = event_queue_done(&r->events, end, now_ms);
    r->n_given_up += !kept;
}

uint64_t mcu_reports_due_ms(const struct mcu_reports *r)
{
    if (!r->up)
        return event_queue_expiry_ms(&r->events);
    return ag_earlier(event_queue_due_ms(&r->events), prop_queue_due_ms(&r->props));
}
