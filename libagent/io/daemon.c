/* SPDX-License-Identifier: MIT */
#include "libagent/io/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD_FIRST = 3 }; /* SD_LISTEN_FDS_START */

/* The waiting parent: one byte on the pipe means ready, the pipe's end means that the child is ending. */
static void parent_wait(int fd, pid_t child)
{
    char byte;
    ssize_t n;
    int status;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            _exit(1);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int to_null(int fd, int flags)
{
    int null = open("/dev/null", flags | O_CLOEXEC);
    int r = null < 0 || dup2(null, fd) < 0 ? -errno : 0;

    if (null >= 0)
        close(null);
    return r;
}

int ag_daemon_start(struct ag_daemon *d)
{
    int fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    fflush(NULL); /* what is buffered must not be printed by both */
    child = fork();
    if (child < 0) {
        int r = -errno;

        close(fds[0]);
        close(fds[1]);
        return r;
    }
    if (child > 0) {
        close(fds[1]);
        parent_wait(fds[0], child);
    }
    close(fds[0]);
    d->report_fd = fds[1];
    if (setsid() < 0 || chdir("/") < 0)
        return -errno;
    return to_null(STDIN_FILENO, O_RDONLY);
}

static int leave_terminal(struct ag_daemon *d)
{
    int r = to_null(STDOUT_FILENO, O_WRONLY);

    if (r == 0)
        r = to_null(STDERR_FILENO, O_WRONLY);
    if (r == 0 && write(d->report_fd, "", 1) < 0 && errno != EPIPE)
        r = -errno;
    close(d->report_fd);
    d->report_fd = -1;
    return r;
}

int ag_daemon_vready(struct ag_daemon *d, const char *fmt, va_list ap)
{
    int r;

    fputs("ready ", stdout);
    vprintf(fmt, ap);
    fputc('\n', stdout);
    fflush(stdout); /* a closed standard output is the starter's choice, not a failure of ours */
    r = ag_daemon_notify("READY=1");
    if (r < 0)
        return r;
    return d->report_fd >= 0 ? leave_terminal(d) : 0;
}

int ag_daemon_ready(struct ag_daemon *d, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = ag_daemon_vready(d, fmt, ap);
    va_end(ap);
    return r;
}

int ag_daemon_notify(const char *state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len;
    ssize_t n;
    int fd, r;

    if (!path || !*path)
        return 0;
    len = strlen(path);
    if ((*path != '/' && *path != '@') || len < 2)
        return -EINVAL;
    if (len >= sizeof un.sun_path)
        return -ENAMETOOLONG;
    memcpy(un.sun_path, path, len);
    if (*path == '@')
        un.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *) &un,
               (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
    r = n < 0 ? -errno : 1;
    close(fd);
    return r;
}

/* A whole decimal number of 1..max; -1 otherwise. */
static long env_number(const char *name, long max)
{
    const char *s = getenv(name);
    char *end;
    long v;

    if (!s || *s < '0' || *s > '9')
        return -1;
    errno = 0;
    v = strtol(s, &end, 10);
    return errno == 0 && *end == '\0' && v >= 1 && v <= max ? v : -1;
}

bool ag_daemon_is_journal(const char *stream, int fd)
{
    unsigned long long dev, ino;
    struct stat st;
    char end;

    return stream && sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) == 2 && fstat(fd, &st) == 0 &&
           (unsigned long long) st.st_dev == dev && (unsigned long long) st.st_ino == ino;
}

uint64_t ag_daemon_watchdog_ms(void)
{
    long usec = env_number("WATCHDOG_USEC", LONG_MAX);

    if (usec < 0 || (getenv("WATCHDOG_PID") && env_number("WATCHDOG_PID", 0x7fffffff) != (long) getpid()))
        return 0;
    return usec < 2000 ? 1 : (uint64_t) usec / 2000;
}

/* The i-th of the names, which stand between colons. */
static void name_of(struct ag_listen_fd *out, const char *names, size_t i)
{
    size_t len;

    for (; names && i > 0; i--) {
        names = strchr(names, ':');
        if (names)
            names++;
    }
    len = names ? strcspn(names, ":") : 0;
    if (len >= sizeof out->name)
        len = sizeof out->name - 1;
    memcpy(out->name, names ? names : "", len);
    out->name[len] = '\0';
}

static int take_fds(struct ag_listen_fd *fds, size_t max, size_t *n_out)
{
    long n = env_number("LISTEN_FDS", 4096);

    if (n < 0)
        return -EINVAL;
    if ((size_t) n > max)
        return -E2BIG;
    for (size_t i = 0; i < (size_t) n; i++) {
        fds[i].fd = LISTEN_FD_FIRST + (int) i;
        if (fcntl(fds[i].fd, F_SETFD, FD_CLOEXEC) < 0)
            return -errno;
        name_of(&fds[i], getenv("LISTEN_FDNAMES"), i);
    }
    *n_out = (size_t) n;
    return 0;
}

int ag_daemon_listen_fds(struct ag_listen_fd *fds, size_t max, size_t *n_out)
{
    int r = 0;

    *n_out = 0;
    /* Variables meant for another process are ignored; systemd sets the pid for exactly this reason. */
    if (getenv("LISTEN_PID") && env_number("LISTEN_PID", 0x7fffffff) == (long) getpid())
        r = take_fds(fds, max, n_out);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return r;
}

/* For the signal handler: there is no other way to pass it something. */
static volatile sig_atomic_t leave_code = -1;

/* A signal and not a timer of the loop: it also ends a loop that is held up, and exit handlers that wait for threads. */
static void on_overdue(int number)
{
    (void) number;
    _exit(leave_code);
}

void ag_daemon_leave(int exit_code)
{
    const struct itimerval once = {.it_value = {.tv_usec = AG_DAEMON_LEAVE_MS * 1000}};
    struct sigaction overdue = {.sa_handler = on_overdue};
    sigset_t set;

    if (leave_code >= 0)
        return;
    leave_code = exit_code;
    sigaction(SIGALRM, &overdue, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &once, NULL);
}

void ag_daemon_leaving(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_IGN);
}
