/* SPDX-License-Identifier: MIT */
/*
 * Tells systemd that the loop still turns: WATCHDOG=1 at half of the limit that it has set, nothing when it has set none.
 * Does not keep the loop alive.
 */
#ifndef AG_WATCHDOG_H
#define AG_WATCHDOG_H

#include <stdbool.h>
#include <uv.h>

struct ag_watchdog {
    uv_timer_t timer;
    bool running;
};

/* The struct is the caller's and stays where it is until the loop has ended. */
void ag_watchdog_start(struct ag_watchdog *w, uv_loop_t *loop);

/* Closes the timer; does nothing when called again, or before the start when the struct is zero. */
void ag_watchdog_stop(struct ag_watchdog *w);

#endif
