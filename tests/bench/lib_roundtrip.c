/* SPDX-License-Identifier: MIT */
/*
 * What libagent adds: the round trip of a call through the real agent, by the library and by a bare socket, in turns.
 *
 *     lib_roundtrip PATH/TO/miio_agent [ROUNDS]
 *
 * The far end is a child that answers every request at once. Prints medians, and the library's ratio to the socket.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "agent/agent.h"

enum { BLOCKS = 9, DEPTH = 64 };

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- the far end ---- */

/* Answers each {"id":N,...} of the bytes that came. Requests are flat here, so '}' ends one; the rest is kept. */
static size_t answer_all(int fd, char *buf, size_t have)
{
    static char out[1 << 16];
    size_t n = 0;
    char *end;

    while ((end = memchr(buf, '}', have))) {
        size_t len = (size_t) (end + 1 - buf);

        n += (size_t) snprintf(out + n, sizeof out - n, "{\"id\":%lu,\"result\":[\"ok\"]}",
                               strtoul(strstr(buf, "\"id\":") + 5, NULL, 10));
        have -= len;
        memmove(buf, buf + len, have);
    }
    if (n > 0 && write(fd, out, n) != (ssize_t) n)
        exit(1);
    return have;
}

static void far_end(int listener)
{
    static char buf[1 << 15];
    size_t have = 0;
    ssize_t n;
    int one = 1, fd = accept(listener, NULL, NULL);

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while ((n = read(fd, buf + have, sizeof buf - 1 - have)) > 0) {
        buf[have + (size_t) n] = '\0';
        have = answer_all(fd, buf, have + (size_t) n);
    }
    exit(0);
}

static pid_t start_far_end(unsigned short *port_out)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    if (bind(listener, (struct sockaddr *) &at, sizeof at) < 0 || listen(listener, 4) < 0 ||
        getsockname(listener, (struct sockaddr *) &at, &len) < 0)
        die("listen");
    *port_out = ntohs(at.sin_port);
    pid = fork();
    if (pid == 0)
        far_end(listener);
    close(listener);
    return pid;
}

/* The path of its unix socket goes to path. */
static pid_t start_agent(const char *program, unsigned short upstream_port, char *path, size_t n)
{
    char upstream[32], line[256];
    int out[2];
    pid_t pid;

    snprintf(path, n, "/tmp/lib_roundtrip.%d.sock", (int) getpid());
    snprintf(upstream, sizeof upstream, "127.0.0.1:%u", (unsigned) upstream_port);
    if (pipe(out) < 0)
        die("pipe");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(out[1], STDOUT_FILENO);
        execl(program, program, "-l", "0", "--listen", "none", "--unix", path, "--upstream", upstream, (char *) NULL);
        die(program);
    }
    close(out[1]);
    if (read(out[0], line, sizeof line) <= 0) /* the ready line */
        die("miio_agent did not start");
    return pid;
}

/* ---- the two ways ---- */

static int raw_open(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *) &at, sizeof at) < 0)
        die("connect");
    return fd;
}

static void raw_round(int fd, unsigned id)
{
    char buf[256];
    int n = snprintf(buf, sizeof buf, "{\"id\":%u,\"method\":\"prop.temperature\",\"params\":[21.5]}", id);

    if (send(fd, buf, (size_t) n, MSG_NOSIGNAL) != n || recv(fd, buf, sizeof buf, 0) <= 0)
        die("raw round");
}

static void lib_round(agent_conn *conn)
{
    char *result = NULL;

    if (agent_call_sync(conn, "prop.temperature", "[21.5]", 0, &result) < 0) {
        fprintf(stderr, "lib round: %s\n", result ? result : "failed");
        exit(1);
    }
    free(result);
}

struct many {
    unsigned to_start, open;
};

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct many *m = user;

    (void) result;
    if (status < 0)
        fprintf(stderr, "call: %s\n", error ? error : agent_strerror(status));
    m->open--;
    if (m->to_start > 0 && agent_call(conn, NULL, "prop.temperature", "[21.5]", 0, on_end, m) == 0) {
        m->to_start--;
        m->open++;
    }
}

/* Calls a second with DEPTH in flight. */
static double lib_rate(agent_conn *conn, unsigned rounds)
{
    struct many m = {rounds, 0};
    double start = now_us();

    while (m.open < DEPTH && m.to_start > 0) {
        agent_call(conn, NULL, "prop.temperature", "[21.5]", 0, on_end, &m);
        m.to_start--;
        m.open++;
    }
    while (m.open > 0) {
        agent_wait(conn, -1);
        agent_process(conn);
    }
    return rounds / (now_us() - start) * 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned) atoi(argv[2]) : 20000, per_block, n = 0;
    char path[64], address[80];
    double *raw, *lib;
    unsigned short port;
    agent_conn *conn = NULL;
    pid_t pids[2];
    int fd;

    if (argc < 2 || rounds < BLOCKS)
        return fprintf(stderr, "usage: lib_roundtrip PATH/TO/miio_agent [ROUNDS]\n"), 2;
    pids[0] = start_far_end(&port);
    pids[1] = start_agent(argv[1], port, path, sizeof path);
    fd = raw_open(path);
    snprintf(address, sizeof address, "unix:%s", path);
    if (agent_new(&conn) < 0 || agent_open(conn, address) < 0)
        die("libagent");
    per_block = rounds / BLOCKS;
    raw = calloc(rounds, sizeof *raw);
    lib = calloc(rounds, sizeof *lib);
    usleep(300000); /* the agent reaches its upstream */
    for (unsigned i = 0; i < 200; i++) {
        raw_round(fd, i);
        lib_round(conn);
    }
    for (unsigned b = 0; b < BLOCKS; b++) { /* in turns, so that both see the same machine */
        for (unsigned i = 0; i < per_block; i++) {
            double t0 = now_us(), t1;

            raw_round(fd, i);
            t1 = now_us();
            lib_round(conn);
            raw[n] = t1 - t0;
            lib[n++] = now_us() - t1;
        }
    }
    {
        double r = median(raw, n), l = median(lib, n);

        printf("call round trip through the agent, p50: socket %.2f us, libagent %.2f us, ratio %.2f (target 1.30)\n", r, l,
               l / r);
        printf("libagent, %d calls in flight: %.0f calls/s\n", DEPTH, lib_rate(conn, rounds));
    }
    conn = agent_unref(conn);
    for (int i = 0; i < 2; i++) {
        kill(pids[i], SIGTERM);
        waitpid(pids[i], NULL, 0);
    }
    unlink(path);
    free(raw);
    free(lib);
    return 0;
}
