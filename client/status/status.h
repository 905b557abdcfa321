/* SPDX-License-Identifier: MIT */
/* What the client says about itself, gathered from its parts: client.status, and every counter. Nothing here changes anything. */
#ifndef CLIENT_STATUS_H
#define CLIENT_STATUS_H

#include "client/cloud/cloud_links.h"
#include "client/device/device.h"
#include "client/device/io/data_dir.h"
#include "client/lan/phones.h"
#include "client/local/intake.h"
#include "client/report/reports.h"
#include "client/setup/setup.h"

/* All borrowed. */
struct status_parts {
    uv_loop_t *loop;
    const struct device *device;
    const struct data_dir *dir;
    const struct intake *intake; /* gives its peers and what it serves, too */
    const struct phones *phones;
    const struct reports *reports;
    const struct cloud_links *clouds;
    const struct setup *setup;
    bool external_helper;
};

/* The results of client.status and client.counters, objects, appended. 0 or -ENOMEM. */
int status_put(const struct status_parts *c, struct ag_buf *out);
int status_put_counters(const struct status_parts *c, struct ag_buf *out);

/* Every counter, once. Those of a cloud begin with "cloud.", or "cloud.NAME." if there are several; name is lent for the
   call. */
void status_tell_counters(const struct status_parts *c, counter_fn *tell, void *user);
/* Logs a line for each counter that is not 0. */
void status_log(const struct status_parts *c);

#endif
