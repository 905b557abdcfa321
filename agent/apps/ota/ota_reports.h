/* SPDX-License-Identifier: MIT */
/*
 * Reports on their way up: one after the other, each repeated until it has an answer, so that the cloud sees the
 * states in order and misses none. Of progress only the newest waits. A device without any cloud reports to nobody.
 */
#ifndef OTA_REPORTS_H
#define OTA_REPORTS_H

#include <agent/agent.h>
#include <stdbool.h>
#include <uv.h>
#include "libagent/core/backoff.h"

enum { OTA_REPORTS_MAX = 32, OTA_REPORT_LEN = 128, OTA_REPORT_RETRY_MS = 1000, OTA_REPORT_RETRY_MAX_MS = 8000 };

struct ota_report {
    char object[OTA_REPORT_LEN];
    bool progress;
};

struct ota_reports {
    agent_conn *conn; /* borrowed */
    agent_slot *slot; /* the call of the first one */
    uv_timer_t retry;
    bool open, sending, has_no_cloud;
    struct ag_backoff backoff;
    struct ota_report all[OTA_REPORTS_MAX];
    unsigned n, n_dropped;
};

int ota_reports_init(struct ota_reports *r, uv_loop_t *loop, agent_conn *conn);
void ota_reports_close(struct ota_reports *r);
/* object: {"ota_state":"..."} or {"ota_progress":n}. When full the oldest progress goes, then the oldest of all. */
void ota_reports_add(struct ota_reports *r, const char *object, bool progress);

#endif
