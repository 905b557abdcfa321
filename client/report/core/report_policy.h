/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a report while the cloud is away. Settings in device.conf:
 *
 *   spool=all|latest|drop          for methods without a line of their own; all
 *   spool.METHOD=all|latest|drop   METHOD may end in '*'; the longest match counts
 *
 * "latest": a newer report about the same thing replaces an older one that has not left yet. The same thing means the same
 * method and the same member names in params (props), or the same siid and piid (properties_changed).
 * Only reports are kept: props, prop.*, event.*, properties_changed, event_occured. Requests are not, because their answer
 * would come too late.
 */
#ifndef CLIENT_REPORT_POLICY_H
#define CLIENT_REPORT_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include "client/device/core/device_conf.h"
#include "client/report/core/report_queue.h"
#include "libagent/core/util.h"

enum report_policy { REPORT_ALL, REPORT_LATEST, REPORT_DROP };

/* A method whose messages may be kept at all. */
bool report_is_kept(struct ag_span method);

enum report_policy report_policy_of(const struct device_conf *conf, struct ag_span method);

/*
 * Checks every spool line and reads the limits: spool_max_reports (10000), spool_max_bytes (4194304), spool_max_age_s
 * (604800). 0, or -EINVAL with *err filled.
 */
int report_policy_check(const struct device_conf *conf, struct report_limits *limits_out, struct device_conf_error *err);

/* A number that stands for what a report is about; params is its raw text, may be absent. Never 0. */
uint64_t report_topic(struct ag_span method, struct ag_span params);

#endif
