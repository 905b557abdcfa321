/* SPDX-License-Identifier: MIT */
/* What status, check and bundle look at: everything that agent and client say about themselves. */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include "agent/ctl/ctl.h"

struct report {
    char *info, *stats, *peers, *status, *counters; /* texts; NULL: not available */
    cJSON *info_json, *stats_json, *peers_json, *status_json;
    char why[200]; /* why there is no status; "" */
    unsigned n_twins;
};

/*
 * Asks for all of it. CTL_OK, or CTL_FAILED when the agent does not answer; standard error says why. report_deinit() in
 * any case.
 */
int report_ask(struct ctl *ctl, struct report *r);
void report_deinit(struct report *r);

#endif
