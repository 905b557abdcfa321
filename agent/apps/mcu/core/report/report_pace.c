/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/report/report_pace.h"

void report_pace_init(struct report_pace *p)
{
    *p = (struct report_pace){0};
    ag_backoff_init_steady(&p->backoff, MCU_REPORT_RETRY_MS, MCU_REPORT_RETRY_MAX_MS);
}

bool report_pace_end(struct report_pace *p, enum mcu_report_end end, uint64_t now_ms)
{
    p->n_refused = end == MCU_REPORT_REFUSED ? p->n_refused + 1 : 0;
    if (end == MCU_REPORT_TAKEN || p->n_refused >= MCU_REPORT_REFUSALS) {
        ag_backoff_reset(&p->backoff);
        p->n_refused = 0;
        return true;
    }
    p->from_ms = now_ms + ag_backoff_next(&p->backoff);
    return false;
}

int report_begin_object(struct ag_buf *out, const char *did)
{
    int r = ag_buf_append_char(out, '{');

    if (r < 0 || !*did)
        return r;
    r = ag_buf_append_str(out, "\"did\":");
    if (r == 0)
        r = ag_buf_append_json_str(out, did, strlen(did));
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}
