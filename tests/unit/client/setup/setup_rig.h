/* SPDX-License-Identifier: MIT */
/*
 * The setup machine with a world that is a few values: what it decides is carried out on them, so that the next event finds
 * what the last one has left. Each event is a line, and so are the decisions that it leads to.
 *
 *   facts:   did N  model 0|1  wifi 0|1  enauth 0|1  program 0|1  link 0|1  uid N  country C  trial none|first|next
 *   events:  start  network lan|ble|local UID|- [COUNTRY|- [ZONE]]  zone Z  reset  reboot  reload TRIES PAUSE
 *            ended PROGRAM STATUS  wait MS  heard  identity  token T  country_said C  wifi_said 0|1
 *            connected  failed  ap  silent
 *   fail D:  decision D fails the next time; short D: for want of memory
 *   state, due: what they are
 */
#ifndef TEST_SETUP_RIG_H
#define TEST_SETUP_RIG_H

#include "client/setup/core/setup_machine.h"

enum { SETUP_RIG_STATES = SETUP_RESTORING + 1 };

struct setup_rig {
    struct setup_machine m;
    struct setup_facts world;
    int failing; /* enum setup_do; -1: none */
    bool short_of_memory;
    unsigned n_answers;
    bool running[6];  /* by enum setup_program */
    unsigned n_place; /* programs in the common place */
    char out[8192];   /* what the last event led to */
};

/* mode: "builtin", "external", "wired". */
void setup_rig_open(struct setup_rig *r, const char *mode);
void setup_rig_close(struct setup_rig *r);
/* One line; the decisions are in out. */
void setup_rig_do(struct setup_rig *r, const char *line);
/* "ap", "waiting" ... as in docs/provisioning.md. */
const char *setup_rig_state(const struct setup_rig *r);

#endif
