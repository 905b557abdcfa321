/* SPDX-License-Identifier: MIT */
/*
 * Counters add up. Each daemon is asked for its own now and then, by SIGUSR1: what came in is what was answered, refused,
 * dropped for a reason, or is open yet. And it says so at once: a daemon that is silent then does not turn its loop.
 */
#ifndef WORLD_LEDGER_H
#define WORLD_LEDGER_H

#include <stdbool.h>
#include "tests/world/kernel/kernel.h"

void ledger_begin(void);
/* A line of a program's output. true: it is one of those that were asked for. */
bool ledger_takes(const struct proc *p, const char *line);

#endif
