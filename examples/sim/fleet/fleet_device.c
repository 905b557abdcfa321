/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_device.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/core/json/json.h"

enum { TEXT_MAX = 65536, DEPTH_MAX = 64, PATH_MAX_LEN = 512 };

static void folder_of(const struct fleet_device *d, char out[PATH_MAX_LEN], const char *name)
{
    snprintf(out, PATH_MAX_LEN, "%s/%u/%s", d->fleet->dir, FLEET_FIRST_DID + d->number, name);
}

static int write_conf(const struct fleet_device *d)
{
    const struct fleet_options *o = d->fleet;
    char path[PATH_MAX_LEN];
    FILE *f;

    folder_of(d, path, "");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    folder_of(d, path, "device.conf");
    f = fopen(path, "wxe");
    if (!f)
        return errno == EEXIST ? 0 : -errno; /* from an earlier run, and so are its kept reports */
    fchmod(fileno(f), 0600);
    fprintf(
        f,
        "did=%u\nmac=02:00:00:%02X:%02X:%02X\nmodel=sim.fleet.v1\nvendor=sim\ncloud=mqtt\nmqtt_clean_session=%d\nmqtt_state=0\nmqtt_server=",
        FLEET_FIRST_DID + d->number, d->number >> 16 & 255, d->number >> 8 & 255, d->number & 255, o->clean);
    for (unsigned i = 0; i < o->n_servers; i++) {
        const struct sim_endpoint *s = &o->servers[(d->number + i) % o->n_servers];

        fprintf(f, "%s%s:%u", i ? "," : "", s->host, s->port);
    }
    fputc('\n', f);
    for (unsigned i = 0; i < o->n_conf; i++)
        fprintf(f, "%s\n", o->conf[i]);
    return fclose(f) == 0 ? 0 : -errno;
}

int fleet_device_init(struct fleet_device *d, uv_loop_t *loop, const struct fleet_options *fleet, struct fleet_count *count,
                      struct ag_framer_pool *parts, unsigned number)
{
    *d = (struct fleet_device){.loop = loop, .fleet = fleet, .count = count, .parts = parts, .number = number};
    return write_conf(d);
}

/* ---- the application ---- */

struct say {
    uv_write_t write;
    char text[];
};

static void on_said(uv_write_t *w, int status)
{
    (void) status;
    free(w->data);
}

static void say(struct fleet_device *d, const char *text, size_t len)
{
    struct say *s = d->connected ? malloc(sizeof *s + len) : NULL;
    uv_buf_t buf;

    if (!s)
        return;
    memcpy(s->text, text, len);
    s->write.data = s;
    buf = uv_buf_init(s->text, (unsigned) len);
    if (uv_write(&s->write, (uv_stream_t *) &d->app, &buf, 1, on_said) < 0)
        free(s);
}

/* Report n has the id n + 1. */
static void say_report(struct fleet_device *d, unsigned n)
{
    char text[96];
    int len = snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"props\",\"params\":{\"n\":%u}}", n + 1, n);

    say(d, text, (size_t) len);
}

static void note(struct fleet_device *d, unsigned n, enum fleet_report how)
{
    if (n >= d->n_sent || d->report[n] != FLEET_SENT)
        return;
    d->report[n] = (uint8_t) how;
    d->count->acked += how == FLEET_ACKED;
    d->count->queued += how == FLEET_QUEUED;
    d->count->refused += how == FLEET_REFUSED;
}

static void on_text(struct fleet_device *d, const struct ag_text *t)
{
    const char *text = t->bytes.p;
    struct ag_span id = ag_view_raw(t->view, text, AG_M_ID), result;
    char answer[192];
    uint64_t n;

    if (id.len == 0)
        return; /* local.status and the like */
    if (ag_view_has(t->view, AG_M_METHOD)) {
        int len = snprintf(answer, sizeof answer, "{\"id\":%.*s,\"result\":[\"ok\"]}", (int) (id.len < 128 ? id.len : 128), id.p);

        say(d, answer, (size_t) len);
        return;
    }
    if (!ag_span_uint(id, FLEET_REPORTS_MAX, &n) || n == 0)
        return;
    result = ag_view_raw(t->view, text, AG_M_RESULT);
    note(d, (unsigned) n - 1,
         result.len == 0                             ? FLEET_REFUSED
         : memmem(result.p, result.len, "queued", 6) ? FLEET_QUEUED
                                                     : FLEET_ACKED);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    static char shared[TEXT_MAX]; /* one loop, read at once */

    (void) h;
    (void) size;
    *buf = uv_buf_init(shared, sizeof shared);
}

static void part_closed(struct fleet_device *d);

static void on_app_closed(uv_handle_t *h)
{
    struct fleet_device *d = h->data;

    ag_framer_deinit(&d->framer);
    d->app_open = false;
    part_closed(d);
}

static void close_app(struct fleet_device *d)
{
    d->connected = false;
    if (d->app_open && !uv_is_closing((uv_handle_t *) &d->app))
        uv_close((uv_handle_t *) &d->app, on_app_closed);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fleet_device *d = stream->data;
    struct ag_text t;
    int r = 0;

    if (n > 0) {
        ag_framer_lend(&d->framer, buf->base, (size_t) n);
        while ((r = ag_framer_next(&d->framer, &t)) > 0)
            if (t.kind == AG_FRAMER_JSON)
                on_text(d, &t);
    }
    if (n < 0 || r < 0)
        close_app(d);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct fleet_device *d = c->data;

    free(c);
    if (status < 0 || !d->app_open)
        return;
    d->connected = true;
    uv_tcp_nodelay(&d->app, 1);
    uv_read_start((uv_stream_t *) &d->app, on_alloc, on_read);
    for (unsigned n = 0; n < d->n_sent; n++) {
        if (d->report[n] == FLEET_SENT) {
            d->count->again++;
            say_report(d, n);
        }
    }
}

static void connect_app(struct fleet_device *d)
{
    uv_connect_t *c = malloc(sizeof *c);

    if (!c)
        return;
    uv_tcp_init(d->loop, &d->app);
    d->app.data = c->data = d;
    d->app_open = true;
    d->n_open++;
    ag_framer_init(&d->framer, TEXT_MAX, DEPTH_MAX, d->parts);
    if (uv_tcp_connect(c, &d->app, (const struct sockaddr *) &d->client.peers.bound.sa, on_connected) < 0)
        free(c);
}

/* ---- the client ---- */

int fleet_device_open(struct fleet_device *d)
{
    char dir[PATH_MAX_LEN], error[DATA_ERROR_MAX] = "";
    char *argv[] = {"miio_client", "-d", dir, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-l", "0", NULL};
    int code, r;

    folder_of(d, dir, "");
    optind = 0; /* glibc: start over */
    if (!options_read(&d->options, (int) ag_array_size(argv) - 1, argv, &code))
        return -EINVAL;
    d->client = (struct client){0};
    r = client_open(&d->client, d->loop, &d->options.client, &d->options.conf, error);
    d->opened = true;
    d->n_open++;
    if (r < 0) {
        fprintf(stderr, "miio_sim: device %u: %s\n", FLEET_FIRST_DID + d->number, error);
        fleet_device_close(d);
        return r;
    }
    connect_app(d);
    uv_timer_init(d->loop, &d->timer);
    d->timer.data = d;
    d->n_open++;
    if (d->n_sent < d->n_wanted)
        fleet_device_report(d, 0, d->period_ms);
    return 0;
}

static void part_closed(struct fleet_device *d)
{
    if (--d->n_open > 0)
        return;
    client_deinit(&d->client);
    options_deinit(&d->options);
    d->opened = false;
    if (d->restarting && !d->ending) {
        d->restarting = false;
        fleet_device_open(d);
    }
}

static void on_client_closed(void *user)
{
    part_closed(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    part_closed(h->data);
}

static void close_all(struct fleet_device *d)
{
    if (d->online) {
        d->online = false;
        d->count->online--;
    }
    close_app(d);
    if (d->timer.data && !uv_is_closing((uv_handle_t *) &d->timer))
        uv_close((uv_handle_t *) &d->timer, on_timer_closed);
    if (!d->client.closing)
        client_close(&d->client, on_client_closed, d);
}

void fleet_device_close(struct fleet_device *d)
{
    d->ending = true;
    if (d->opened)
        close_all(d);
}

void fleet_device_restart(struct fleet_device *d)
{
    if (!d->opened || d->restarting || d->ending)
        return;
    d->restarting = true;
    close_all(d);
}

void fleet_device_look(struct fleet_device *d)
{
    bool online = d->opened && !d->restarting && !d->ending && d->client.device.machine.state == DEVICE_CLOUD_CONNECTED;

    if (online != d->online)
        d->count->online += online ? 1 : -1u;
    d->online = online;
}

void fleet_device_print(const struct fleet_device *d)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf status = AG_BUF_INIT, counters = AG_BUF_INIT;

    if (d->opened && status_put(&d->client.parts, &status) == 0 && status_put_counters(&d->client.parts, &counters) == 0)
        fprintf(stderr, "device %u: %.*s\ndevice %u: %.*s\n", FLEET_FIRST_DID + d->number, (int) ag_buf_size(&status),
                ag_buf_head(&status), FLEET_FIRST_DID + d->number, (int) ag_buf_size(&counters), ag_buf_head(&counters));
    else
        fprintf(stderr, "device %u: closed\n", FLEET_FIRST_DID + d->number);
}

/* ---- reports ---- */

static void on_timer(uv_timer_t *t)
{
    struct fleet_device *d = t->data;

    if (d->n_sent >= d->n_wanted) {
        uv_timer_stop(t);
        return;
    }
    d->report[d->n_sent] = FLEET_SENT;
    d->count->sent++;
    say_report(d, d->n_sent++);
}

void fleet_device_report(struct fleet_device *d, unsigned n, unsigned period_ms)
{
    d->n_wanted = d->n_wanted + n > FLEET_REPORTS_MAX ? FLEET_REPORTS_MAX : d->n_wanted + n;
    d->period_ms = period_ms;
    if (d->opened && !d->restarting) /* each at a time of its own within the period */
        uv_timer_start(&d->timer, on_timer, period_ms ? d->number * 7919u % period_ms : 0, period_ms ? period_ms : 1);
}
