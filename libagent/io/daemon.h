/* SPDX-License-Identifier: MIT */
/*
 * What a daemon owes to whoever started it: a shell, an init script or systemd learns whether it came up, and may
 * hand it sockets. Order in main(): options, config, ag_daemon_start(), loop and sockets, ag_daemon_ready(), run.
 */
#ifndef AG_DAEMON_H
#define AG_DAEMON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libagent/core/util.h"

struct ag_daemon {
    int report_fd; /* to the waiting parent; -1 in the foreground */
};

#define AG_DAEMON_INIT                                                                                                           \
    {                                                                                                                            \
        -1                                                                                                                       \
    }

/*
 * Goes into the background. The parent does not return: it waits until the child calls ag_daemon_ready() and exits
 * with 0, or until the child ends, and exits with the child's code (1 when a signal ended it). The child has a
 * session of its own, "/" as directory and no standard input; its standard output and error stay open until it is
 * ready, so its messages are seen. Call before threads and loop exist. 0 or -errno (still in the foreground).
 */
int ag_daemon_start(struct ag_daemon *d);

/*
 * Prints "ready ..." (the text is printf-like and comes behind "ready ") on standard output, tells systemd READY=1
 * and lets the parent go. In the background standard output and error then point to /dev/null. 0 or -errno.
 */
int ag_daemon_ready(struct ag_daemon *d, const char *fmt, ...) ag_printf_like(2, 3);
int ag_daemon_vready(struct ag_daemon *d, const char *fmt, va_list ap) ag_printf_like(2, 0);

/*
 * The sd_notify protocol: state is lines such as "READY=1", "STOPPING=1", "RELOADING=1", "STATUS=text". 1 sent,
 * 0 nobody asked ($NOTIFY_SOCKET is not set), -errno. A name that begins with '@' is an abstract socket.
 */
int ag_daemon_notify(const char *state);

/*
 * How often systemd wants to hear WATCHDOG=1 from this process, by $WATCHDOG_USEC and $WATCHDOG_PID: half of its limit in ms;
 * 0 when it does not ask for it, or asks another process.
 */
uint64_t ag_daemon_watchdog_ms(void);

/* Does the descriptor lead to systemd's journal: stream is $JOURNAL_STREAM, "DEVICE:INODE" in decimal, or NULL. */
bool ag_daemon_is_journal(const char *stream, int fd);

struct ag_listen_fd {
    int fd;
    char name[64]; /* of $LISTEN_FDNAMES; "" when there is none */
};

/*
 * Sockets that systemd has opened for this process ($LISTEN_PID, $LISTEN_FDS, $LISTEN_FDNAMES). They get FD_CLOEXEC
 * and the variables are removed, so a second call finds none. 0: *n_out (0 included) are filled; -E2BIG: more than
 * max; -EINVAL: malformed variables; -errno.
 */
int ag_daemon_listen_fds(struct ag_listen_fd *fds, size_t max, size_t *n_out);

/*
 * The program begins to leave: what is open is answered and closed in the usual way, but whatever hangs in it (a name
 * server, a serial line, a disk, a peer), the process is gone after AG_DAEMON_LEAVE_MS, with this exit code. Meant for the
 * signal handlers' first line; the second call does nothing.
 */
enum { AG_DAEMON_LEAVE_MS = 850 };
void ag_daemon_leave(int exit_code);

/*
 * From here on SIGTERM, SIGINT, SIGHUP and SIGUSR1 do nothing. Called when the handlers of a leaving program have been
 * taken off: a second request to leave must not turn its exit status into a death by signal.
 */
void ag_daemon_leaving(void);

#endif
