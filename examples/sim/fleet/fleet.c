/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "examples/sim/fleet/fleet_lines.h"
#include "examples/sim/fleet/fleet_service.h"
#include "examples/sim/fleet/fleet_worker.h"
#include "examples/sim/sim.h"

enum { STEP_MS = 20, AGAIN_MS = 10000, TELL_MAX = 5, WORKERS_MAX = FLEET_DEVICES_MAX / FLEET_WORKER_DEVICES + 1, FDS = 4096 };

struct worker {
    pid_t pid;
    int fd; /* -1: it has ended */
    unsigned n;
    struct fleet_lines lines;
    unsigned online, sent, acked, queued, refused, again;
    unsigned long memory_kb;
};

struct total {
    unsigned online, sent, acked, queued, refused, again;
    unsigned long memory_kb;
};

struct fleet {
    struct fleet_options o;
    struct fleet_ledger ledger;
    struct fleet_service service;
    struct worker *workers;
    unsigned n_workers, n_ended;
    bool own_dir;
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void) number;
    ending = 1;
}

/* ---- workers ---- */

static int start_worker(struct fleet *f, unsigned i, unsigned first)
{
    struct worker *w = &f->workers[i];
    int fds[2];

    w->n = f->o.devices - first < FLEET_WORKER_DEVICES ? f->o.devices - first : FLEET_WORKER_DEVICES;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    fflush(stdout);
    w->pid = fork();
    if (w->pid == 0) {
        signal(SIGINT, SIG_IGN); /* the first process decides when it ends */
        signal(SIGTERM, SIG_IGN);
        close(fds[0]);
        for (unsigned k = 0; k < i; k++)
            close(f->workers[k].fd);
        _exit(fleet_worker(&f->o, first, w->n, fds[1]));
    }
    close(fds[1]);
    w->fd = fds[0];
    if (w->pid < 0) {
        close(fds[0]);
        w->fd = -1;
        return -errno;
    }
    return 0;
}

static int start_workers(struct fleet *f)
{
    f->workers = calloc(WORKERS_MAX, sizeof *f->workers);
    if (!f->workers)
        return -ENOMEM;
    for (unsigned first = 0; first < f->o.devices; first += FLEET_WORKER_DEVICES) {
        int r = start_worker(f, f->n_workers, first);

        if (r < 0)
            return r;
        f->n_workers++;
    }
    return 0;
}

static void ag_printf_like(2, 3) order(struct fleet *f, const char *fmt, ...)
{
    char line[FLEET_LINE_MAX];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (unsigned i = 0; i < f->n_workers; i++)
        if (f->workers[i].fd >= 0)
            (void) !write(f->workers[i].fd, line, (size_t) len);
}

static void on_line(void *user, const char *line)
{
    struct worker *w = user;
    unsigned a, b, c, d, e;
    unsigned long kb;

    if (sscanf(line, "online %u", &a) == 1)
        w->online = a;
    else if (sscanf(line, "memory %lu", &kb) == 1)
        w->memory_kb = kb;
    else if (sscanf(line, "sent %u %u %u %u %u", &a, &b, &c, &d, &e) == 5) {
        w->sent = a;
        w->acked = b;
        w->queued = c;
        w->refused = d;
        w->again = e;
    }
}

static void read_worker(struct fleet *f, struct worker *w)
{
    size_t room;
    char *to = fleet_lines_room(&w->lines, &room);
    ssize_t n = read(w->fd, to, room);

    if (n > 0) {
        fleet_lines_came(&w->lines, (size_t) n, on_line, w);
        return;
    }
    close(w->fd);
    w->fd = -1;
    f->n_ended++;
}

static struct total total(const struct fleet *f)
{
    struct total t = {0};

    for (unsigned i = 0; i < f->n_workers; i++) {
        const struct worker *w = &f->workers[i];

        t.online += w->online;
        t.sent += w->sent;
        t.acked += w->acked;
        t.queued += w->queued;
        t.refused += w->refused;
        t.again += w->again;
        t.memory_kb += w->memory_kb;
    }
    return t;
}

/* ---- as time passes ---- */

static void step(struct fleet *f)
{
    struct pollfd p[WORKERS_MAX + 1];

    p[0].fd = f->service.mosq ? fleet_service_fd(&f->service, &p[0].events) : -1;
    for (unsigned i = 0; i < f->n_workers; i++)
        p[i + 1] = (struct pollfd){.fd = f->workers[i].fd, .events = POLLIN};
    if (poll(p, f->n_workers + 1, STEP_MS) <= 0)
        p[0].revents = 0;
    else
        for (unsigned i = 0; i < f->n_workers; i++)
            if (p[i + 1].revents)
                read_worker(f, &f->workers[i]);
    if (f->service.mosq)
        fleet_service_turn(&f->service, p[0].revents);
}

static bool wait_for(struct fleet *f, bool (*is_so)(const struct fleet *f), unsigned seconds)
{
    uint64_t end = fleet_now_ms() + (uint64_t) seconds * 1000;

    while (!is_so(f) && fleet_now_ms() < end && !ending && f->n_ended == 0)
        step(f);
    return is_so(f);
}

static bool service_is_ready(const struct fleet *f)
{
    return fleet_service_is_ready(&f->service);
}

static bool all_online(const struct fleet *f)
{
    return total(f).online == f->o.devices;
}

static bool all_ended(const struct fleet *f)
{
    return f->n_ended == f->n_workers;
}

static unsigned n_lost(const struct fleet *f)
{
    struct total t = total(f);

    return t.acked + t.queued > f->ledger.n_reports ? t.acked + t.queued - f->ledger.n_reports : 0;
}

static unsigned n_open(const struct fleet *f)
{
    struct total t = total(f);

    return t.sent - t.acked - t.queued - t.refused;
}

/* ---- what is asked ---- */

static void say_due(struct fleet *f, unsigned wanted)
{
    uint64_t now = fleet_now_ms();
    unsigned device, id;

    while (f->ledger.n_commands < wanted) {
        id = fleet_ledger_ask(&f->ledger, now, &device);
        fleet_service_say(&f->service, device, id);
    }
}

/* A service sends it again under the same id; a device that is away has it once, from its session, or never. */
static void say_again(struct fleet *f)
{
    uint64_t now = fleet_now_ms();
    unsigned at = 0, device, id;

    while (now > AGAIN_MS && (id = fleet_ledger_again(&f->ledger, now, now - AGAIN_MS, &at, &device)))
        fleet_service_say(&f->service, device, id);
}

static void print_head(void)
{
    printf("%-6s %8s %8s %8s %8s %6s %8s %9s %9s %6s %8s %8s %8s\n", "round", "reports", "ok", "queued", "refused", "lost",
           "repeats", "commands", "answered", "again", "p50 ms", "p99 ms", "reports/s");
}

static void print_round(struct fleet *f, unsigned round, unsigned from, uint64_t ms, const struct total *was, unsigned heard)
{
    const struct fleet_ledger *l = &f->ledger;
    struct total t = total(f);

    printf("%-6u %8u %8u %8u %8u %6u %8u %9u %9u %6u %8u %8u %8.0f\n", round, t.sent - was->sent, t.acked - was->acked,
           t.queued - was->queued, t.refused - was->refused, n_lost(f), l->n_repeats, f->o.commands * f->o.devices,
           l->n_answered - from, l->n_again, fleet_ledger_took(&f->ledger, from, 50), fleet_ledger_took(&f->ledger, from, 99),
           (l->n_reports - heard) * 1000.0 / (double) (ms ? ms : 1));
    fflush(stdout);
}

static void run_round(struct fleet *f, unsigned round)
{
    const struct fleet_options *o = &f->o;
    struct fleet_ledger *l = &f->ledger;
    struct total was = total(f);
    uint64_t began = fleet_now_ms(), length = (uint64_t) o->reports * o->period_ms,
             end = began + length + o->patience_s * 1000ull;
    unsigned from = l->n_answered, asked = l->n_commands, n = o->commands * o->devices, heard = l->n_reports;
    unsigned expected = was.sent + o->reports * o->devices;
    uint64_t now, done = 0;

    order(f, "round %u %u %u\n", o->reports, o->period_ms, o->restart_percent);
    while ((now = fleet_now_ms()) < end && !ending && f->n_ended == 0) {
        uint64_t passed = now - began;

        say_due(f, asked + (length == 0 || passed >= length ? n : (unsigned) (n * passed / length)));
        say_again(f);
        step(f);
        if (!done && total(f).sent >= expected && n_open(f) == 0 && n_lost(f) == 0)
            done = now;
        if (done && l->n_answered == l->n_commands && l->n_commands == asked + n)
            break;
    }
    print_round(f, round, from, (done ? done : fleet_now_ms()) - began, &was, heard);
}

static int log_all_in(struct fleet *f)
{
    const struct fleet_options *o = &f->o;
    uint64_t began;
    double s;

    if (!wait_for(f, service_is_ready, o->patience_s)) {
        fprintf(stderr, "miio_sim: no broker lets the owner's side in\n");
        return -ETIMEDOUT;
    }
    printf("ready devices=%u workers=%u servers=%u sessions=%s\n", o->devices, f->n_workers, o->n_servers,
           o->clean ? "clean" : "kept");
    fflush(stdout);
    began = fleet_now_ms();
    order(f, "open %u\n", o->per_s);
    wait_for(f, all_online, o->patience_s + (o->per_s ? o->devices / o->per_s : 0));
    s = (double) (fleet_now_ms() - began) / 1000;
    printf("%u of %u logged in after %.1f s, %.0f/s\n", total(f).online, o->devices, s, total(f).online / s);
    fflush(stdout);
    return ending || f->n_ended ? -EINTR : 0;
}

/* Devices that have not answered say how they are. */
static void print_deaf(struct fleet *f)
{
    unsigned n = 0;

    for (unsigned device = 0; device < f->o.devices && n < TELL_MAX; device++) {
        unsigned open = fleet_ledger_unanswered(&f->ledger, device);

        if (open == 0)
            continue;
        fprintf(stderr, "device %u has not answered %u commands\n", FLEET_FIRST_DID + device, open);
        order(f, "tell %u\n", device);
        n++;
    }
}

static int finish(struct fleet *f)
{
    struct total t = total(f);
    const struct fleet_ledger *l = &f->ledger;
    unsigned unanswered = l->n_commands - l->n_answered;
    bool good =
        n_lost(f) == 0 && n_open(f) == 0 && unanswered == 0 && l->n_strange == 0 && t.refused == 0 && t.online == f->o.devices;

    printf(
        "%u reports heard once, %u repeats, %u lost, %u without an answer; %u commands, %u answered, %u twice; %u said again by applications; %u "
        "losses of the owner's side; %u strange\n",
        l->n_reports, l->n_repeats, n_lost(f), n_open(f), l->n_commands, l->n_answered, l->n_answers_twice, t.again,
        f->service.n_losses, l->n_strange);
    printf("%.0f KiB a device, private; %u of %u online: %s\n", (double) t.memory_kb / f->o.devices, t.online, f->o.devices,
           good ? "the count is exact" : "not all is well");
    fflush(stdout);
    print_deaf(f);
    return good ? 0 : -EIO;
}

static int run(struct fleet *f)
{
    int r = log_all_in(f);

    if (r < 0)
        return r;
    print_head();
    for (unsigned i = 1; i <= f->o.rounds && !ending && f->n_ended == 0; i++) {
        printf("round %u begins\n", i);
        fflush(stdout);
        run_round(f, i);
    }
    wait_for(f, all_online, f->o.patience_s);
    return finish(f);
}

static void end_workers(struct fleet *f)
{
    ending = 0;
    order(f, "end\n");
    for (uint64_t end = fleet_now_ms() + 20000; !all_ended(f) && fleet_now_ms() < end;)
        step(f);
    for (unsigned i = 0; i < f->n_workers; i++) {
        if (f->workers[i].fd >= 0)
            kill(f->workers[i].pid, SIGKILL);
        waitpid(f->workers[i].pid, NULL, 0);
    }
}

/* ---- start and end ---- */

static int make_dir(struct fleet *f, char temporary[64])
{
    if (f->o.dir)
        return mkdir(f->o.dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
    snprintf(temporary, 64, "/tmp/miio-fleet-XXXXXX");
    if (!mkdtemp(temporary))
        return -errno;
    f->o.dir = temporary;
    f->own_dir = true;
    return 0;
}

static void remove_dir(const struct fleet *f)
{
    char *argv[] = {"rm", "-rf", "--", (char *) f->o.dir, NULL};
    pid_t pid = f->own_dir ? fork() : -1;

    if (pid == 0) {
        execvp("rm", argv);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void raise_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < FDS) {
        l.rlim_cur = l.rlim_max < FDS ? l.rlim_max : FDS;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

int sim_fleet(int argc, char **argv)
{
    static struct fleet f; /* large, and gone with the process */
    char temporary[64];
    int r = fleet_options_read(&f.o, argc, argv);

    if (r >= 0)
        return r;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    raise_limit();
    r = fleet_ledger_init(&f.ledger, f.o.devices, f.o.rounds * f.o.reports + 1, f.o.rounds * f.o.commands * f.o.devices);
    if (r == 0)
        r = make_dir(&f, temporary);
    if (r == 0)
        r = start_workers(&f);
    if (r == 0)
        r = fleet_service_init(&f.service, &f.o, &f.ledger);
    if (r == 0)
        r = run(&f);
    else
        fprintf(stderr, "miio_sim: %s\n", strerror(-r));
    end_workers(&f);
    fleet_service_deinit(&f.service);
    fleet_ledger_deinit(&f.ledger);
    remove_dir(&f);
    free(f.workers);
    return r < 0 ? SIM_RUNTIME : SIM_OK;
}
