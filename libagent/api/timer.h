/* SPDX-License-Identifier: MIT */
/* Timers of the application. */
#ifndef AG_TIMER_H
#define AG_TIMER_H

#include "libagent/conn/conn.h"

/* Runs the timers that are due. */
void ag_timers_run(struct agent_conn *c, uint64_t now_ms);
/* When the next one is; AG_NEVER: there is none. */
uint64_t ag_timers_next(const struct agent_conn *c);

#endif
