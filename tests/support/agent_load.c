/* SPDX-License-Identifier: MIT */
/*
 * Load for miio_agent with exact books. Plays upstream and N applications from one thread: commands go down
 * to each application in turn, each application sends reports with an id up, and every one of both must be
 * answered exactly once, in order, unchanged.
 *
 *     agent_load [--apps 8] [--count 200000] [--window 64] [--restart-every N] [--mute]
 *
 * Prints "upstream PORT", reads "agent PORT" from standard input, runs, prints one JSON line, exits 0 when
 * the books are right. count is the sum of commands and reports. --restart-every: upstream closes its
 * connection after so many texts; what it was waiting for is void then, what applications wait for must still
 * be answered. --mute: application 0 never reads; its commands must be answered with errors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/core/frame/framer.h"

enum { APPS_MAX = 64, READ_MAX = 65536, STALL_S = 60, ID_SLOTS = 1 << 20, OUT_HIGH = 1 << 20 };

struct link {
    int fd; /* -1: closed */
    struct ag_framer framer;
    struct ag_buf out;
};

struct app {
    struct link link;
    unsigned long commands_sent, commands_seen, reports_sent, reports_answered, reports_failed;
    unsigned long command_next; /* sequence number expected next */
    unsigned long report_next;  /* the same at upstream */
    unsigned open_commands, open_reports;
    unsigned char *report_open; /* bit per sequence number: waits for its answer */
};

static struct {
    struct app apps[APPS_MAX];
    struct link up;
    int listener;
    unsigned n_apps, window;
    unsigned long count, restart_every, since_restart, restarts;
    unsigned long commands, commands_answered, commands_failed, commands_void, reports, quota;
    uint32_t next_id;
    unsigned char *command_open; /* by id: 0 free, else application + 1 */
    bool mute;
    time_t last_progress;
} g = {.n_apps = 8, .window = 64, .count = 200000};

static void die(const char *what, unsigned long a, unsigned long b)
{
    fprintf(stderr, "agent_load: %s (%lu, %lu)\n", what, a, b);
    exit(1);
}

static void link_open(struct link *l, int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    l->fd = fd;
    ag_framer_deinit(&l->framer);
    ag_framer_init(&l->framer, 1 << 20, 32, NULL);
    ag_buf_clear(&l->out);
}

static void link_flush(struct link *l)
{
    while (l->fd >= 0 && ag_buf_size(&l->out) > 0) {
        ssize_t n = send(l->fd, ag_buf_head(&l->out), ag_buf_size(&l->out), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0)
            return;
        ag_buf_consume(&l->out, (size_t) n);
    }
}

/* ---- upstream's side ---- */

static void void_commands(void)
{
    for (unsigned long id = 0; id < ID_SLOTS; id++) {
        if (!g.command_open[id])
            continue;
        g.apps[g.command_open[id] - 1].open_commands--;
        g.command_open[id] = 0;
        g.commands_void++;
    }
}

static void up_lost(void)
{
    if (g.up.fd >= 0)
        close(g.up.fd);
    g.up.fd = -1;
    void_commands();
}

static void up_restart(void)
{
    g.since_restart = 0;
    g.restarts++;
    up_lost();
}

static void send_command(unsigned i)
{
    struct app *a = &g.apps[i];
    uint32_t id = g.next_id++ % ID_SLOTS;

    if (g.command_open[id])
        die("ran out of ids", id, 0);
    g.command_open[id] = (unsigned char) (i + 1);
    a->open_commands++;
    g.commands++;
    ag_buf_printf(&g.up.out, "{\"id\":%u,\"method\":\"m%u\",\"params\":[%lu]}", id, i, a->commands_sent++);
}

static unsigned long number_behind(struct ag_span text, const char *what)
{
    const char *at = memmem(text.p, text.len, what, strlen(what));

    if (!at)
        die("a text without its number", text.len, 0);
    return strtoul(at + strlen(what), NULL, 10);
}

static void up_answer(const struct ag_text *t, uint64_t id)
{
    unsigned i;

    if (id >= ID_SLOTS || !g.command_open[id])
        die("answer to a command that is not open", (unsigned long) id, 0);
    i = g.command_open[id] - 1u;
    g.command_open[id] = 0;
    g.apps[i].open_commands--;
    if (ag_view_has(t->view, AG_M_ERROR)) {
        g.commands_failed++;
        if (!(g.mute && i == 0) && !g.restart_every)
            die("a command failed", i, (unsigned long) id);
    } else {
        g.commands_answered++;
    }
}

static void up_text(const struct ag_text *t)
{
    uint64_t id;
    unsigned long i, seq;

    g.since_restart++;
    if (!ag_view_uint(t->view, t->bytes.p, AG_M_ID, UINT32_MAX, &id))
        die("upstream got a text without id", 0, 0);
    if (!ag_view_has(t->view, AG_M_METHOD)) {
        up_answer(t, id);
        return;
    }
    i = number_behind(t->bytes, "\"params\":[");
    seq = number_behind(t->bytes, ",\"seq\":");
    if (i >= g.n_apps || seq < g.apps[i].report_next || (!g.restart_every && seq != g.apps[i].report_next))
        die("report out of order", i, seq);
    g.apps[i].report_next = seq + 1;
    g.reports++;
    ag_buf_printf(&g.up.out, "{\"id\":%lu,\"result\":[%lu]}", (unsigned long) id, seq);
}

/* ---- the applications' side ---- */

static void app_command(struct app *a, unsigned i, const struct ag_text *t, uint64_t id)
{
    unsigned long seq = number_behind(t->bytes, "\"params\":[");
    char method[16];
    int n = snprintf(method, sizeof method, "\"m%u\"", i);
    struct ag_span raw = ag_view_raw(t->view, t->bytes.p, AG_M_METHOD);

    if (!ag_span_is(raw, method, (size_t) n))
        die("a command for another application", i, (unsigned long) id);
    if (seq < a->command_next || (!g.restart_every && seq != a->command_next))
        die("command out of order", i, seq);
    a->command_next = seq + 1;
    a->commands_seen++;
    ag_buf_printf(&a->link.out, "{\"id\":%lu,\"result\":[%lu]}", (unsigned long) id, seq);
}

static void app_text(struct app *a, unsigned i, const struct ag_text *t)
{
    uint64_t id;

    if (!ag_view_uint(t->view, t->bytes.p, AG_M_ID, UINT32_MAX, &id))
        die("an application got a text without id", i, 0);
    if (ag_view_has(t->view, AG_M_METHOD)) {
        app_command(a, i, t, id);
        return;
    }
    if (id >= a->reports_sent || !(a->report_open[id / 8] & 1u << id % 8))
        die("answer to a report that is not open", i, (unsigned long) id);
    a->report_open[id / 8] &= (unsigned char) ~(1u << id % 8);
    a->open_reports--;
    if (ag_view_has(t->view, AG_M_ERROR)) {
        a->reports_failed++;
        if (!g.restart_every)
            die("a report failed", i, (unsigned long) id);
    } else {
        if (number_behind(t->bytes, "\"result\":[") != id)
            die("the answer of another report", i, (unsigned long) id);
        a->reports_answered++;
    }
}

static void send_report(struct app *a, unsigned i)
{
    unsigned long id = a->reports_sent++;

    a->report_open[id / 8] |= (unsigned char) (1u << id % 8);
    a->open_reports++;
    ag_buf_printf(&a->link.out, "{\"id\":%lu,\"method\":\"props\",\"params\":[%u,{\"x\":1,\"seq\":%lu}]}", id, i, id);
}

/* ---- the loop ---- */

static void link_read(struct link *l, struct app *a, unsigned i)
{
    static char buf[READ_MAX];
    struct ag_text t;
    ssize_t n = recv(l->fd, buf, sizeof buf, MSG_DONTWAIT);
    int r;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && !a && g.restart_every) {
        up_lost();
        return;
    }
    if (n <= 0)
        die("connection closed by the agent", a ? i : 99, (unsigned long) errno);
    ag_framer_lend(&l->framer, buf, (size_t) n);
    while ((r = ag_framer_next(&l->framer, &t)) > 0) {
        if (a)
            app_text(a, i, &t);
        else
            up_text(&t);
    }
    if (r < 0)
        die("the agent sent what is no JSON", i, 0);
    g.last_progress = time(NULL);
}

static bool app_is_mute(unsigned i)
{
    return g.mute && i == 0;
}

static void fill(void)
{
    for (unsigned i = 0; i < g.n_apps; i++) {
        struct app *a = &g.apps[i];
        unsigned long quota = app_is_mute(i) ? 500 : g.quota;

        while (g.up.fd >= 0 && a->open_commands < g.window && a->commands_sent < quota && ag_buf_size(&g.up.out) < OUT_HIGH)
            send_command(i);
        while (!app_is_mute(i) && a->open_reports < g.window && a->reports_sent < quota)
            send_report(a, i);
        link_flush(&a->link);
    }
    link_flush(&g.up);
}

static bool finished(void)
{
    for (unsigned i = 0; i < g.n_apps; i++) {
        const struct app *a = &g.apps[i];

        if (a->open_commands || a->open_reports || a->commands_sent < (app_is_mute(i) ? 500 : g.quota) ||
            (!app_is_mute(i) && a->reports_sent < g.quota))
            return false;
    }
    return true;
}

static void turn(void)
{
    struct pollfd p[APPS_MAX + 2];

    for (unsigned i = 0; i < g.n_apps; i++)
        p[i] = (struct pollfd){.fd = app_is_mute(i) ? -1 : g.apps[i].link.fd,
                               .events = (short) (POLLIN | (ag_buf_size(&g.apps[i].link.out) ? POLLOUT : 0))};
    p[g.n_apps] = (struct pollfd){.fd = g.up.fd, .events = (short) (POLLIN | (ag_buf_size(&g.up.out) ? POLLOUT : 0))};
    p[g.n_apps + 1] = (struct pollfd){.fd = g.up.fd < 0 ? g.listener : -1, .events = POLLIN};
    poll(p, g.n_apps + 2, 1000);
    for (unsigned i = 0; i < g.n_apps; i++)
        if (p[i].revents & ~POLLOUT)
            link_read(&g.apps[i].link, &g.apps[i], i);
    if (p[g.n_apps].revents & ~POLLOUT)
        link_read(&g.up, NULL, 0);
    if (p[g.n_apps + 1].revents)
        link_open(&g.up, accept(g.listener, NULL, NULL));
    if (g.restart_every && g.since_restart >= g.restart_every && g.up.fd >= 0)
        up_restart();
    if (time(NULL) - g.last_progress > STALL_S)
        die("nothing moves any more", g.commands, g.reports);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof a) < 0)
        die("cannot connect to the agent", port, (unsigned long) errno);
    return fd;
}

static void wait_registered(struct app *a, unsigned i)
{
    char buf[64];
    int n = snprintf(buf, sizeof buf, "{\"id\":1,\"method\":\"register\",\"key\":\"m%u\"}", i);

    send(a->link.fd, buf, (size_t) n, MSG_NOSIGNAL);
    if (recv(a->link.fd, buf, sizeof buf, 0) != 24)
        die("register was not answered", i, 0);
}

/* The agent believes a socket a moment after it has connected, and refuses reports before. */
static int accept_agent(void)
{
    static const char question[] = "{\"id\":1,\"method\":\"are you there\"}";
    char answer[256];
    int fd = accept(g.listener, NULL, NULL);

    if (fd < 0 || send(fd, question, sizeof question - 1, MSG_NOSIGNAL) < 0 || recv(fd, answer, sizeof answer, 0) <= 0)
        die("the agent does not come", 0, (unsigned long) errno);
    return fd;
}

static void setup(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    unsigned port;

    g.quota = g.count / 2 / g.n_apps;
    g.command_open = calloc(ID_SLOTS, 1);
    g.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (!g.command_open || bind(g.listener, (struct sockaddr *) &a, sizeof a) < 0 || listen(g.listener, 8) < 0)
        die("cannot listen", 0, (unsigned long) errno);
    getsockname(g.listener, (struct sockaddr *) &a, &len);
    printf("upstream %u\n", (unsigned) ntohs(a.sin_port));
    fflush(stdout);
    if (scanf("agent %u", &port) != 1)
        die("no agent", 0, 0);
    link_open(&g.up, accept_agent());
    for (unsigned i = 0; i < g.n_apps; i++) {
        g.apps[i].report_open = calloc(g.quota / 8 + 1, 1);
        link_open(&g.apps[i].link, connect_to(port));
        wait_registered(&g.apps[i], i);
    }
}

static int report(void)
{
    unsigned long seen = 0, answered = 0, failed = 0, sent = 0;

    for (unsigned i = 0; i < g.n_apps; i++) {
        seen += g.apps[i].commands_seen;
        sent += g.apps[i].reports_sent;
        answered += g.apps[i].reports_answered;
        failed += g.apps[i].reports_failed;
    }
    printf("{\"commands\":%lu,\"commands_seen\":%lu,\"commands_answered\":%lu,\"commands_failed\":%lu,"
           "\"commands_void\":%lu,\"reports_sent\":%lu,\"reports_seen\":%lu,\"reports_answered\":%lu,"
           "\"reports_failed\":%lu,\"restarts\":%lu}\n",
           g.commands, seen, g.commands_answered, g.commands_failed, g.commands_void, sent, g.reports, answered, failed,
           g.restarts);
    return g.commands == g.commands_answered + g.commands_failed + g.commands_void && sent == answered + failed ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"apps", required_argument, NULL, 'a'},   {"count", required_argument, NULL, 'c'},
        {"window", required_argument, NULL, 'w'}, {"restart-every", required_argument, NULL, 'r'},
        {"mute", no_argument, NULL, 'm'},         {0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (opt) {
        case 'a':
            g.n_apps = (unsigned) atoi(optarg);
            break;
        case 'c':
            g.count = strtoul(optarg, NULL, 10);
            break;
        case 'w':
            g.window = (unsigned) atoi(optarg);
            break;
        case 'r':
            g.restart_every = strtoul(optarg, NULL, 10);
            break;
        case 'm':
            g.mute = true;
            break;
        default:
            return 2;
        }
    }
    if (g.n_apps < 1 || g.n_apps > APPS_MAX)
        return 2;
    setup();
    g.last_progress = time(NULL);
    while (!finished()) {
        fill();
        turn();
    }
    return report();
}
