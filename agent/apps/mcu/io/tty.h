/* SPDX-License-Identifier: MIT */
/*
 * The serial device: opened raw at 115200 8N1, locked against a second user, read and written without
 * blocking. When it hangs up or vanishes (a USB adapter) it is closed and opened again by its path as soon as
 * it is back.
 */
#ifndef MCU_TTY_H
#define MCU_TTY_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/util.h"

enum { MCU_TTY_IN_MAX = 4096, MCU_TTY_RETRY_MS = 300 };

struct mcu_tty {
    const char *path; /* borrowed */
    uv_loop_t *loop;
    int fd;          /* -1: not there */
    int error;       /* -errno of the last failed try, 0 when none */
    uv_poll_t *poll; /* heap: it outlives the descriptor until its close callback */
    uv_timer_t retry;
    char in[MCU_TTY_IN_MAX]; /* read, not yet taken */
    size_t in_len;
    bool closing;
    bool keep_input; /* at the next opening: what has come may be a call for data */
    uint64_t close_by_ms;
    void (*on_ready)(struct mcu_tty *tty);          /* there is something to read or room to write */
    void (*on_state)(struct mcu_tty *tty, bool up); /* it came or went */
    void *user;
};

/* path is borrowed and must stay. Sets the timer up; opens nothing. 0 or a libuv error. */
int mcu_tty_init(struct mcu_tty *tty, uv_loop_t *loop, const char *path);

/*
 * First try. 0 it is open; -ENOENT, -ENODEV, -ENXIO, -EIO: not there, tried again from now on; other errors
 * (no permission, no tty, -EBUSY in use) are for the caller to report; mcu_tty_keep_trying() goes on all the
 * same.
 */
int mcu_tty_open(struct mcu_tty *tty);
void mcu_tty_keep_trying(struct mcu_tty *tty);

/* Reads what is there into tty->in. Call before taking from it. */
void mcu_tty_read(struct mcu_tty *tty);
void mcu_tty_consume(struct mcu_tty *tty, size_t n);

/* Bytes written, 0 when the device takes none now. */
size_t mcu_tty_write(struct mcu_tty *tty, struct ag_span bytes);

/* What to wait for; reading follows from the room in tty->in. */
void mcu_tty_want(struct mcu_tty *tty, bool write);

/* Closes for good, as soon as the device has taken what was written, at the latest after a fifth of a second. */
void mcu_tty_close(struct mcu_tty *tty);

#endif
