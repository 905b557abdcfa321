/* SPDX-License-Identifier: MIT */
/* The owner's side: a session, at one broker after another, that hears all reports and answers, and sends commands. */
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
/* Ends its session at the broker, too. */
void fleet_service_deinit(struct fleet_service *s);

bool fleet_service_is_ready(const struct fleet_service *s);
/* -1 while there is none. events: as poll(2) has them. */
int fleet_service_fd(const struct fleet_service *s, short *events);
/* Reads and writes as poll(2) found, and logs in again when it is time. */
void fleet_service_turn(struct fleet_service *s, short revents);
void fleet_service_say(struct fleet_service *s, unsigned device, unsigned id);

#endif
