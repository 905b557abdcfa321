/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "examples/sim/fleet/fleet_device.h"
#include "examples/sim/fleet/fleet_lines.h"
#include "examples/sim/sim.h"
#include "libagent/core/log/log.h"

enum { TICK_MS = 100, OPEN_TICK_MS = 20 };

struct worker {
    uv_loop_t loop;
    uv_pipe_t pipe;
    uv_timer_t tick, opener;
    struct fleet_device *devices;
    unsigned n, n_opened, per_s, n_fleet; /* per_s, n_fleet: of all workers */
    uint64_t owed;                        /* in 1000 * n_fleet parts of a device: this worker's share of the pace */
    struct fleet_count count, told;
    struct ag_framer_pool parts;
    struct fleet_lines lines;
    int fd;
    bool ending;
};

/* Lines are short and few, and the other side always reads. */
static void tell(struct worker *w, const char *line, int len)
{
    while (len > 0) {
        ssize_t n = write(w->fd, line, (size_t) len);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (n < 0) {
            usleep(1000);
            continue;
        }
        line += n;
        len -= (int) n;
    }
}

static unsigned long memory_kb(void)
{
    unsigned long kb = 0;
    char line[128];
    FILE *f = fopen("/proc/self/smaps_rollup", "re");

    while (f && fgets(line, sizeof line, f)) {
        unsigned long one;

        if (sscanf(line, "Private_Clean: %lu", &one) == 1 || sscanf(line, "Private_Dirty: %lu", &one) == 1)
            kb += one;
    }
    if (f)
        fclose(f);
    return kb;
}

static void on_tick(uv_timer_t *t)
{
    struct worker *w = t->data;
    const struct fleet_count *c = &w->count;
    char line[FLEET_LINE_MAX];

    for (unsigned i = 0; i < w->n; i++)
        fleet_device_look(&w->devices[i]);
    if (memcmp(c, &w->told, sizeof *c) == 0)
        return;
    w->told = *c;
    tell(w, line, snprintf(line, sizeof line, "online %u\n", c->online));
    tell(w, line, snprintf(line, sizeof line, "sent %u %u %u %u %u\n", c->sent, c->acked, c->queued, c->refused, c->again));
}

static void on_opener(uv_timer_t *t)
{
    struct worker *w = t->data;
    uint64_t one = UINT64_C(1000) * w->n_fleet;

    w->owed += (uint64_t) w->per_s * OPEN_TICK_MS * w->n;
    while (w->n_opened < w->n && (w->per_s == 0 || w->owed >= one)) {
        w->owed -= w->per_s ? one : 0;
        fleet_device_open(&w->devices[w->n_opened++]);
    }
    if (w->n_opened == w->n)
        uv_timer_stop(t);
}

static void end(struct worker *w)
{
    if (w->ending)
        return;
    w->ending = true;
    uv_close((uv_handle_t *) &w->tick, NULL);
    uv_close((uv_handle_t *) &w->opener, NULL);
    uv_close((uv_handle_t *) &w->pipe, NULL);
    for (unsigned i = 0; i < w->n; i++)
        fleet_device_close(&w->devices[i]);
}

static void do_round(struct worker *w, unsigned reports, unsigned period_ms, unsigned restart_percent)
{
    for (unsigned i = 0; i < w->n; i++) {
        struct fleet_device *d = &w->devices[i];

        fleet_device_report(d, reports, period_ms);
        if (d->number * 61u % 100 < restart_percent)
            fleet_device_restart(d);
    }
}

static void tell_device(const struct worker *w, unsigned number)
{
    unsigned first = w->devices[0].number;

    if (number >= first && number < first + w->n)
        fleet_device_print(&w->devices[number - first]);
}

static void on_line(void *user, const char *order)
{
    struct worker *w = user;
    unsigned a, b, c;
    char line[FLEET_LINE_MAX];

    if (w->ending)
        return;
    if (sscanf(order, "open %u", &a) == 1) {
        w->per_s = a;
        uv_timer_start(&w->opener, on_opener, 0, OPEN_TICK_MS);
    } else if (sscanf(order, "round %u %u %u", &a, &b, &c) == 3) {
        tell(w, line, snprintf(line, sizeof line, "memory %lu\n", memory_kb()));
        do_round(w, a, b, c);
    } else if (sscanf(order, "tell %u", &a) == 1) {
        tell_device(w, a);
    } else if (strcmp(order, "end") == 0) {
        end(w);
    }
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct worker *w = h->data;
    size_t room;
    char *to = fleet_lines_room(&w->lines, &room);

    (void) size;
    *buf = uv_buf_init(to, (unsigned) room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct worker *w = s->data;

    (void) buf;
    if (n < 0)
        end(w);
    else
        fleet_lines_came(&w->lines, (size_t) n, on_line, w);
}

int fleet_worker(const struct fleet_options *o, unsigned first, unsigned n, int fd)
{
    static struct worker w; /* large, and gone with the process */
    int r = 0;

    signal(SIGPIPE, SIG_IGN);
    ag_log_set_level(AG_LOG_ERROR);
    w.n = n;
    w.n_fleet = o->devices;
    w.fd = fd;
    w.devices = calloc(n, sizeof *w.devices);
    if (!w.devices || uv_loop_init(&w.loop) < 0)
        return SIM_RUNTIME;
    for (unsigned i = 0; i < n && r == 0; i++)
        r = fleet_device_init(&w.devices[i], &w.loop, o, &w.count, &w.parts, first + i);
    if (r < 0) {
        fprintf(stderr, "miio_sim: %s: %s\n", o->dir, strerror(-r));
        return SIM_RUNTIME;
    }
    uv_pipe_init(&w.loop, &w.pipe, 0);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_init(&w.loop, &w.opener);
    w.pipe.data = w.tick.data = w.opener.data = &w;
    uv_pipe_open(&w.pipe, dup(fd));
    uv_read_start((uv_stream_t *) &w.pipe, on_alloc, on_read);
    uv_timer_start(&w.tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    ag_framer_pool_deinit(&w.parts);
    free(w.devices);
    return uv_loop_close(&w.loop) == 0 ? SIM_OK : SIM_RUNTIME;
}
