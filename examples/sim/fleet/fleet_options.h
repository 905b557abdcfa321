/* SPDX-License-Identifier: MIT */
/*
 * miio_sim fleet: many clients, each miio_client's own code with an application of its own, against real brokers.
 *
 * libmosquitto watches descriptors below 1024 only, so a process can hold about a hundred devices: the fleet is split among
 * workers. A worker (fleet_worker.c) runs its devices (fleet_device.c) in one loop; the first process (fleet.c) is the owner's
 * side (fleet_service.c): it hears all reports, sends commands, and keeps the ledger (fleet_ledger.c).
 */
#ifndef SIM_FLEET_OPTIONS_H
#define SIM_FLEET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "examples/sim/wire/endpoint.h"

enum {
    FLEET_WORKER_DEVICES = 80,
    FLEET_DEVICES_MAX = 20000,
    FLEET_SERVERS_MAX = 8,
    FLEET_REPORTS_MAX = 10000, /* of one device, in all rounds */
    FLEET_ROUNDS_MAX = 100,
    FLEET_CONF_MAX = 8,
    FLEET_FIRST_DID = 5000000
};

struct fleet_options {
    unsigned devices, reports, commands, rounds, period_ms, per_s, restart_percent, patience_s;
    bool clean; /* no session at the broker outlives a connection */
    struct sim_endpoint servers[FLEET_SERVERS_MAX];
    unsigned n_servers;
    const char *dir;                  /* below it each device's folder */
    const char *conf[FLEET_CONF_MAX]; /* further lines of each device.conf */
    unsigned n_conf;
};

/* -1 to go on, or the exit code. */
int fleet_options_read(struct fleet_options *o, int argc, char **argv);

#endif
