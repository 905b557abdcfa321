/* SPDX-License-Identifier: MIT */
/*
 * Programs that the device maker runs at reboot, restore and factory: one process at a time, in the order asked for. What
 * already runs or waits is not added twice. Each gets a time limit and is then ended, its children too.
 */
#ifndef MCU_HOOKS_H
#define MCU_HOOKS_H

#include <uv.h>
#include "libagent/core/list.h"

struct mcu_hooks {
    uv_loop_t *loop;
    struct ag_list waiting; /* struct hook, in order; the first one runs */
    unsigned timeout_ms;    /* then SIGTERM, and SIGKILL as long after that */
};

enum { MCU_HOOKS_E_UNDER_WAY = 1 };

void mcu_hooks_init(struct mcu_hooks *h, uv_loop_t *loop, unsigned timeout_ms);

/*
 * Runs program with verb as its one argument and MIIO_TTY in its environment, behind those that run or wait; its output
 * goes to our standard error. How it ended, or that it does not start, is logged. 0, MCU_HOOKS_E_UNDER_WAY (this verb runs
 * or waits: nothing is added) or -ENOMEM. program and tty are borrowed until mcu_hooks_close().
 */
int mcu_hooks_run(struct mcu_hooks *h, const char *program, const char *verb, const char *tty);

/* Lets go: what runs goes on by itself, without a time limit; what waits is given up, with a log line. A hook that reboots
   must not be waited for. */
void mcu_hooks_close(struct mcu_hooks *h);

#endif
