/* SPDX-License-Identifier: MIT */
/* A bridge with a clock, fed with literals: what it says to the MCU and what it answers is read as text. */
#ifndef TEST_MCU_WORLD_H
#define TEST_MCU_WORLD_H

#include "agent/apps/mcu/core/bridge.h"

struct world {
    struct mcu_bridge bridge;
    struct mcu_clock clock;
    struct ag_buf said; /* to the MCU, with '|' for CR */
    struct ag_buf up;   /* answers and reports, one a line */
    bool bytewise;      /* feed one byte at a time */
};

/* Start announcements are off, as the vectors want it; announce turns them on. */
void world_init(struct world *w, bool announce);
void world_deinit(struct world *w);
void world_feed(struct world *w, const char *bytes, size_t n);
/* Lines separated by '|' (CR). */
void world_say(struct world *w, const char *lines);
/* A request; a refusal is noted like an answer. 0 or -ENOMEM. */
int world_ask(struct world *w, const char *json);
void world_wait(struct world *w, uint64_t ms);
/* Takes answers and due reports into w->up; reports are acknowledged at once. */
void world_collect(struct world *w);
/* What was said or sent up since the last look. */
const char *world_said(struct world *w);
const char *world_up(struct world *w);

#endif
