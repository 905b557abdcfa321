/* SPDX-License-Identifier: MIT */
/*
 * The frame of a daemon's main(): log, background, loop, signals, ready line, watchdog, the way out. The order:
 *
 *     options; ag_program_log(); ag_program_start(); what the daemon opens on p->loop; ag_program_ready();
 *     ag_program_run(); what the daemon frees; ag_program_end()
 *
 * SIGTERM and SIGINT stop the daemon, SIGHUP opens the log file again and reloads, SIGUSR1 writes the state to the log.
 */
#ifndef AG_PROGRAM_H
#define AG_PROGRAM_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/io/daemon.h"
#include "libagent/io/watchdog.h"

struct ag_program_ops {
    void (*stop)(void *user);      /* closes everything it has on the loop; called once */
    void (*reload)(void *user);    /* NULL: there is nothing to reload but the log file */
    void (*log_state)(void *user); /* NULL: SIGUSR1 is not watched */
};

/* The caller's; it must not move from ag_program_start() to ag_program_end(). */
struct ag_program {
    uv_loop_t loop;
    uv_signal_t signals[4];
    unsigned n_signals;
    struct ag_watchdog watchdog;
    struct ag_daemon daemon;
    const struct ag_program_ops *ops;
    void *user;
    bool stopping;
    int code;
};

/* Level and file (NULL or "": standard error) of the log. 0, or -errno with a message on standard error. */
int ag_program_log(const char *name, int level, const char *file);

/* Goes into the background if wanted, makes the loop, watches signals. 0, or -errno with a message on standard error. */
int ag_program_start(struct ag_program *p, const char *name, bool background, const struct ag_program_ops *ops, void *user);

/* It is up: the ready line (printf-like), systemd, the waiting parent, the watchdog. */
void ag_program_ready(struct ag_program *p, const char *fmt, ...) ag_printf_like(2, 3);

/* The daemon leaves with this exit code, within AG_DAEMON_LEAVE_MS whatever hangs. A second call does nothing. */
void ag_program_stop(struct ag_program *p, int code);

/* It did not come up and has nothing on the loop: without ops->stop. */
void ag_program_give_up(struct ag_program *p, int code);

/* Runs until nothing is left on the loop. */
void ag_program_run(struct ag_program *p);

/* The exit code. */
int ag_program_end(struct ag_program *p);

#endif
