/* SPDX-License-Identifier: MIT */
/*
 * Which clouds a message of an application goes to, and whose word is its answer. Settings in device.conf:
 *
 *   route.METHOD=all|primary|NAME[,NAME]   METHOD may end in '*'; the longest match counts
 *
 * Without a line reports (report_is_kept()) go to all clouds, everything else to the first of the list, the primary. A
 * method that begins with a cloud's name and a dot is that cloud's own. Whatever the set, the answer is that of its first
 * cloud in the order of the list. With one cloud everything goes to it.
 */
#ifndef CLIENT_REPORT_ROUTE_H
#define CLIENT_REPORT_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include "client/device/core/device_conf.h"
#include "libagent/core/util.h"

/* Places are bits of the store, too: client/cloud/cloud.h. */
enum { ROUTE_PLACES = 8, ROUTE_RULES = 64 };

struct route_cloud {
    const char *name; /* a literal */
    unsigned place;
};

struct route_rule;

struct route_table {
    struct route_cloud clouds[ROUTE_PLACES]; /* in the order of the list */
    unsigned n;
    struct route_rule *rules; /* owned */
    unsigned n_rules;
};

struct report_route {
    unsigned set;   /* bits of places; 0: there is no cloud */
    unsigned first; /* the place whose word is the answer */
};

/* Reads the route lines. 0; -EINVAL with *err filled: a line is wrong, or there are more than ROUTE_RULES; -ENOMEM. */
int route_table_make(struct route_table *out, const struct route_cloud *clouds, unsigned n, const struct device_conf *conf,
                     struct device_conf_error *err);
void route_table_deinit(struct route_table *t);

struct report_route route_of(const struct route_table *t, struct ag_span method, bool is_report);

/* Bits of all clouds of the list. */
unsigned route_all(const struct route_table *t);

#endif
