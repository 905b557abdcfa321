/* SPDX-License-Identifier: MIT */
/* miio_mcu: the bridge's core between its serial device and the agent. Owns both and the one timer. */
#ifndef MCU_MCU_H
#define MCU_MCU_H

#include "agent/apps/mcu/io/hooks.h"
#include "agent/apps/mcu/service.h"

struct mcu {
    const struct mcu_conf *conf; /* borrowed */
    uv_loop_t *loop;
    struct mcu_bridge bridge;
    struct mcu_tty tty;
    struct mcu_link link;
    struct mcu_hooks hooks;
    struct mcu_service service;
    uv_timer_t timer;
    bool working; /* the work that is due is not entered twice */
    bool stopping;
};

/*
 * Opens the device and the connection to the agent. 0; -errno: it cannot work as configured; the log says why.
 * A device that is not there is no error.
 */
int mcu_open(struct mcu *m, uv_loop_t *loop, const struct mcu_conf *conf);

/* Answers what is open, closes everything; the loop ends when the handles are closed. Idempotent. */
void mcu_close(struct mcu *m);

/* Frees the rest, after the loop has ended. */
void mcu_deinit(struct mcu *m);

/* One log line: state and counters. */
void mcu_log_state(struct mcu *m);

#endif
