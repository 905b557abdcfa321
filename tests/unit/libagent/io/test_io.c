/* SPDX-License-Identifier: MIT */
/* What a daemon needs of its system: listeners, the starter, systemd, the end. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "libagent/io/daemon.h"
#include "libagent/io/file.h"
#include "tests/unit/libagent/io/work_dir.h"

static int listener(const char *path, int type)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    strcpy(un.sun_path, path);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *) &un, sizeof un) == 0 && listen(fd, 1) == 0);
    return fd;
}

static void stale_sockets(void **state)
{
    int fd;

    (void) state;
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), 0);
    fd = listener("s", SOCK_STREAM);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), -EADDRINUSE);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_SEQPACKET), -EADDRINUSE);
    close(fd);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), 0);
    assert_int_equal(access("s", F_OK), -1);
    assert_int_equal(ag_file_write_atomic("s", "x", 1, 0600), 0);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), -EEXIST);
    assert_int_equal(ag_file_remove("s"), 0);
}

enum child { READY, FAILS, DIES };

/* Runs ag_daemon_start() in a process of its own and returns what its starter would see. */
static int start_as(enum child how, char *out, size_t n)
{
    int fds[2], status;
    ssize_t got, len = 0;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct ag_daemon d = AG_DAEMON_INIT;

        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        if (ag_daemon_start(&d) < 0)
            _exit(99);
        if (how == FAILS)
            _exit(78);
        if (how == DIES)
            kill(getpid(), SIGKILL);
        _exit(ag_daemon_ready(&d, "listen=%s", "x:1") == 0 ? 0 : 98);
    }
    close(fds[1]);
    while ((got = read(fds[0], out + len, n - 1 - (size_t) len)) > 0) /* ends when the daemon lets go of its output */
        len += got;
    out[len] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_starter_learns_the_outcome(void **state)
{
    char out[100];

    (void) state;
    assert_int_equal(start_as(READY, out, sizeof out), 0);
    assert_string_equal(out, "ready listen=x:1\n");
    assert_int_equal(start_as(FAILS, out, sizeof out), 78);
    assert_string_equal(out, "");
    assert_int_equal(start_as(DIES, out, sizeof out), 1);
}

static void notify(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    static const char name[] = "\0miio_test_notify";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char got[64];
    ssize_t n;

    (void) state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(ag_daemon_notify("READY=1"), 0);
    memcpy(un.sun_path, name, sizeof name - 1);
    assert_int_equal(bind(fd, (struct sockaddr *) &un, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + sizeof name - 1)),
                     0);
    setenv("NOTIFY_SOCKET", "@miio_test_notify", 1);
    assert_int_equal(ag_daemon_notify("READY=1\nSTATUS=up"), 1);
    n = recv(fd, got, sizeof got, 0);
    assert_int_equal(n, 17);
    assert_memory_equal(got, "READY=1\nSTATUS=up", 17);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(ag_daemon_notify("READY=1"), -EINVAL);
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    assert_int_equal(ag_daemon_notify("READY=1"), -ENOENT);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

static void watchdog_period(void **state)
{
    static const struct {
        const char *usec;
        bool ours;
        uint64_t ms;
    } rows[] = {{NULL, true, 0},           {"", true, 0},          {"0", true, 0},
                {"-5", true, 0},           {"9x", true, 0},        {"1999", true, 1},
                {"60000000", true, 30000}, {"60000000", false, 0}, {"99999999999999999999", true, 0}};
    char pid[16];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        snprintf(pid, sizeof pid, "%d", (int) getpid() + !rows[i].ours);
        setenv("WATCHDOG_PID", pid, 1);
        if (rows[i].usec)
            setenv("WATCHDOG_USEC", rows[i].usec, 1);
        else
            unsetenv("WATCHDOG_USEC");
        if (ag_daemon_watchdog_ms() != rows[i].ms)
            fail_msg("row %zu: %llu", i, (unsigned long long) ag_daemon_watchdog_ms());
    }
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

static void the_journal_is_known(void **state)
{
    char stream[64], other[64];
    struct stat st;
    int fds[2];

    (void) state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fstat(fds[1], &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
    snprintf(other, sizeof other, "%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino + 1);
    assert_true(ag_daemon_is_journal(stream, fds[1]));
    assert_false(ag_daemon_is_journal(other, fds[1]));
    assert_false(ag_daemon_is_journal(NULL, fds[1]));
    assert_false(ag_daemon_is_journal("", fds[1]));
    assert_false(ag_daemon_is_journal("8", fds[1]));
    assert_false(ag_daemon_is_journal(strcat(stream, "x"), fds[1]));
    close(fds[0]);
    close(fds[1]);
}

/* In a child, because the numbers of handed-over sockets are fixed. 0, or the line that failed. */
static int listen_fds_child(void)
{
    struct ag_listen_fd fds[2];
    char pid[16];
    size_t n = 7;

    snprintf(pid, sizeof pid, "%d", (int) getpid());
    if (dup2(STDERR_FILENO, 3) < 0 || dup2(STDERR_FILENO, 4) < 0)
        return __LINE__;
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "2", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 0 || getenv("LISTEN_FDS"))
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "tcp:agent.socket", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 2)
        return __LINE__;
    if (fds[0].fd != 3 || fds[1].fd != 4 || strcmp(fds[0].name, "tcp") != 0 || strcmp(fds[1].name, "agent.socket") != 0)
        return __LINE__;
    if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 0)
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "3", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != -E2BIG || n != 0)
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2x", 1);
    return ag_daemon_listen_fds(fds, 2, &n) == -EINVAL ? 0 : __LINE__;
}

static void sockets_from_systemd(void **state)
{
    int status;
    pid_t pid = fork();

    (void) state;
    if (pid == 0) {
        int line = listen_fds_child();

        if (line != 0)
            fprintf(stderr, "failed in line %d\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Nothing of it leaves by itself: no loop that turns, no handler that helps. */
static void leaving_has_an_end(void **state)
{
    int status;
    pid_t child = fork();

    (void) state;
    if (child == 0) {
        ag_daemon_leave(7);
        ag_daemon_leave(8); /* the first word counts */
        for (;;)
            pause();
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stale_sockets, make_dir, drop_dir),
        cmocka_unit_test(the_starter_learns_the_outcome),
        cmocka_unit_test(notify),
        cmocka_unit_test(watchdog_period),
        cmocka_unit_test(the_journal_is_known),
        cmocka_unit_test(sockets_from_systemd),
        cmocka_unit_test(leaving_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
