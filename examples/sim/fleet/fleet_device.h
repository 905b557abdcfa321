/* SPDX-License-Identifier: MIT */
/* One device of the fleet: a client and its application, which reports numbers and answers commands. */
#ifndef SIM_FLEET_DEVICE_H
#define SIM_FLEET_DEVICE_H

#include "client/client.h"
#include "client/options/options.h"
#include "examples/sim/fleet/fleet_options.h"
#include "libagent/core/frame/framer.h"

enum fleet_report { FLEET_NOT_SENT, FLEET_SENT, FLEET_ACKED, FLEET_QUEUED, FLEET_REFUSED };

/* Sums over the devices of a worker. */
struct fleet_count {
    unsigned online, sent, acked, queued, refused, again;
};

struct fleet_device {
    uv_loop_t *loop;
    const struct fleet_options *fleet;
    struct fleet_count *count;
    unsigned number; /* 0 .. devices - 1 */
    struct options options;
    struct client client;
    uv_tcp_t app;
    uv_timer_t timer;
    struct ag_framer framer;
    struct ag_framer_pool *parts;
    bool opened, app_open, connected, online, restarting, ending;
    unsigned n_open;           /* handles that have not closed, and the client */
    unsigned n_sent, n_wanted; /* reports */
    unsigned period_ms;
    uint8_t report[FLEET_REPORTS_MAX]; /* enum fleet_report of each */
};

/* Writes its folder. 0 or -errno. */
int fleet_device_init(struct fleet_device *d, uv_loop_t *loop, const struct fleet_options *fleet, struct fleet_count *count,
                      struct ag_framer_pool *parts, unsigned number);
/* 0, or -errno with one line on standard error. */
int fleet_device_open(struct fleet_device *d);
/* Sends n more reports, one a period. */
void fleet_device_report(struct fleet_device *d, unsigned n, unsigned period_ms);
/* Like a reboot: the client ends in good order and starts again from its folder; the application repeats what has no answer. */
void fleet_device_restart(struct fleet_device *d);
void fleet_device_close(struct fleet_device *d);
/* client.status and client.counters, one line each, on standard error. */
void fleet_device_print(const struct fleet_device *d);
/* The link's state may have changed without a word to the application. */
void fleet_device_look(struct fleet_device *d);

#endif
