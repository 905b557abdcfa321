/* SPDX-License-Identifier: MIT */
/* The owner's side: a session at one broker after the other that hears all reports and answers, and says commands. */
#ifndef SIM_FLEET_SERVICE_H
#define SIM_FLEET_SERVICE_H

#include "examples/sim/fleet/fleet_ledger.h"
#include "examples/sim/fleet/fleet_options.h"

struct mosquitto;

struct fleet_service {
    struct mosquitto *mosq;
    const struct fleet_options *options;
    struct fleet_ledger *ledger;
    unsigned server, n_granted, n_losses;
    bool connected;
    uint64_t next_try_ms;
};

uint64_t fleet_now_ms(void);

/* 0 or -ENOMEM. */
int fleet_service_init(struct fleet_service *s, const struct fleet_options *o, struct fleet_ledger *l);
/* Its session at the broker ends with it. */
void fleet_service_deinit(struct fleet_service *s);

bool fleet_service_is_ready(const struct fleet_service *s);
/* -1: there is none now. events: of poll(2). */
int fleet_service_fd(const struct fleet_service *s, short *events);
/* Reads and writes what poll(2) has found, logs in again. */
void fleet_service_turn(struct fleet_service *s, short revents);
void fleet_service_say(struct fleet_service *s, unsigned device, unsigned id);

#endif
