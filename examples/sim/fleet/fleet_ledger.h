/* SPDX-License-Identifier: MIT */
/* What the owner's side has heard and asked: which report of which device, and how long each answer took. */
#ifndef SIM_FLEET_LEDGER_H
#define SIM_FLEET_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libagent/core/util.h"

struct fleet_ledger {
    unsigned devices, reports_max;
    uint8_t *seen; /* a bit for each report of each device */
    unsigned n_reports, n_repeats, n_strange;
    struct fleet_command {
        uint64_t at_ms, said_ms; /* when it was sent first, and last */
        bool answered;
    } * commands; /* by id - 1 */
    unsigned n_commands, n_answered, n_again, n_answers_twice;
    uint32_t *took_ms; /* of each answer, in the order they came */
};

/* 0 or -ENOMEM. */
int fleet_ledger_init(struct fleet_ledger *l, unsigned devices, unsigned reports_max, unsigned commands_max);
void fleet_ledger_deinit(struct fleet_ledger *l);

/* A message came on the topic "miio/DID/KIND". */
void fleet_ledger_heard(struct fleet_ledger *l, uint64_t now_ms, const char *topic, struct ag_span payload);
/* The next command: its id and device. */
unsigned fleet_ledger_ask(struct fleet_ledger *l, uint64_t now_ms, unsigned *device_out);
/* Finds, from *at on, a command that has no answer and was last sent before before_ms, and counts it as sent again now. Its id,
   or 0 when there is none; *at moves on. */
unsigned fleet_ledger_again(struct fleet_ledger *l, uint64_t now_ms, uint64_t before_ms, unsigned *at, unsigned *device_out);

/* Commands of that device without an answer. */
unsigned fleet_ledger_unanswered(const struct fleet_ledger *l, unsigned device);

/* A percentile of the answer times, ms, of the answers from number `from` on; 0 when there are none. */
uint32_t fleet_ledger_took(struct fleet_ledger *l, unsigned from, unsigned percent);

#endif
