/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_turn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "libagent/core/util.h"
#include "libagent/core/deadline.h"

enum {
    MARGIN_MS = 100, /* libmosquitto counts whole seconds */
    AGAIN_MS = 1000,
    WAKE_MAX = 512, /* bytes; about 300 fit into a socket pair */
    WAKE_FEW = 16,
    QUIET_MS = 1000
};

static void on_flush(uv_idle_t *h);

static uint64_t now_of(const struct mqtt_turn *t)
{
    return uv_now(t->timer.loop);
}

static void cork(struct mqtt_turn *t, int on)
{
    int fd = mosquitto_socket(t->session->mosq);

    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static void on_poll_closed(uv_handle_t *h)
{
    free(h);
}

void mqtt_turn_end(struct mqtt_turn *t)
{
    if (!t->poll)
        return;
    uv_close((uv_handle_t *) t->poll, on_poll_closed);
    t->poll = NULL;
    uv_idle_stop(&t->flush);
    uv_timer_stop(&t->timer);
}

/* Otherwise each packet is a segment of its own: TCP_NODELAY is on. */
static void have_round(struct mqtt_turn *t)
{
    bool corked = t->n_queued > 1, up;

    t->n_queued = 0;
    t->n_wakes -= t->n_wakes > 0;
    if (corked)
        cork(t, 1);
    t->in_round = true;
    up = mqtt_session_round(t->session);
    t->in_round = false;
    if (up && corked)
        cork(t, 0);
    if (!up) {
        mqtt_turn_end(t);
        mqtt_session_give_back(t->session);
    }
}

static void on_poll(uv_poll_t *p, int status, int events);

static void watch_anyhow(struct mqtt_turn *t, bool to_write)
{
    uv_poll_start(t->poll, to_write ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
    t->waits_to_write = to_write;
}

static void watch(struct mqtt_turn *t, bool to_write)
{
    if (t->waits_to_write != to_write)
        watch_anyhow(t, to_write);
}

/* What the round has queued goes out at the end of this turn. */
static void flush_later(struct mqtt_turn *t)
{
    if (t->poll && mosquitto_want_write(t->session->mosq))
        uv_idle_start(&t->flush, on_flush);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct mqtt_turn *t = p->data;

    if (events & UV_READABLE)
        t->came_ms = now_of(t);
    have_round(t);
    if (t->poll && status < 0) /* libuv watches it no longer: the server has reset it, behind what is still to be read */
        watch_anyhow(t, false);
    if (t->poll && !mosquitto_want_write(t->session->mosq))
        watch(t, false);
    flush_later(t);
    t->over(t);
}

static void on_flush(uv_idle_t *h)
{
    struct mqtt_turn *t = ag_container_of(h, struct mqtt_turn, flush);

    uv_idle_stop(h);
    t->went_ms = now_of(t);
    have_round(t);
    if (t->poll)
        watch(t, mosquitto_want_write(t->session->mosq));
    t->over(t);
}

static void on_timer(uv_timer_t *timer);

/* Also the longest sleep. */
static uint64_t ping_due_ms(const struct mqtt_turn *t)
{
    return ag_earlier(t->came_ms, t->went_ms) + t->session->config.keepalive_s * UINT64_C(1000) + MARGIN_MS;
}

static void arm(struct mqtt_turn *t)
{
    uint64_t now = now_of(t), due = ping_due_ms(t), wait = mqtt_session_wait_ms(t->session);

    due = due > now ? due - now : AGAIN_MS; /* libmosquitto did not find it due */
    if (t->n_wakes >= WAKE_FEW && due > QUIET_MS)
        due = QUIET_MS;
    uv_timer_start(&t->timer, on_timer, ag_earlier(wait, due), 0);
}

/* Each packet puts a byte into libmosquitto's socket pair, and a round takes one out: up to 200 KB of the kernel's memory. While
   packets go out the bytes stay, as a round for each costs more than the packet. A full pair does no harm. */
static void take_wakes_out(struct mqtt_turn *t)
{
    if (t->n_wakes < WAKE_FEW || now_of(t) - t->queued_ms < QUIET_MS)
        return;
    while (t->poll && t->n_wakes > 0)
        have_round(t);
}

static void on_timer(uv_timer_t *timer)
{
    struct mqtt_turn *t = ag_container_of(timer, struct mqtt_turn, timer);
    bool due = now_of(t) >= ping_due_ms(t);

    have_round(t);
    if (t->poll && due && mosquitto_want_write(t->session->mosq)) /* with PINGREQ */
        t->came_ms = t->went_ms = now_of(t);
    take_wakes_out(t);
    if (t->poll)
        arm(t);
    flush_later(t);
    t->over(t);
}

void mqtt_turn_begin(struct mqtt_turn *t)
{
    uv_poll_t *p;

    if (!mqtt_session_take(t->session))
        return;
    p = calloc(1, sizeof *p);
    if (!p || uv_poll_init(t->timer.loop, p, mosquitto_socket(t->session->mosq)) < 0) {
        free(p);
        t->session->lent_end.rc = MOSQ_ERR_NOMEM;
        mqtt_session_give_back(t->session);
        return;
    }
    p->data = t;
    t->poll = p;
    t->n_wakes = 0;
    t->came_ms = t->went_ms = now_of(t);
    watch_anyhow(t, false);
    arm(t);
    mqtt_turn_queued(t); /* what came in between */
}

void mqtt_turn_waits(struct mqtt_turn *t)
{
    if (t->poll)
        arm(t);
}

void mqtt_turn_queued(struct mqtt_turn *t)
{
    t->n_queued++;
    t->n_wakes += t->n_wakes < WAKE_MAX;
    t->queued_ms = now_of(t);
    if (!t->poll)
        return;
    uv_idle_start(&t->flush, on_flush);
    if (t->n_wakes == WAKE_FEW)
        arm(t);
}

void mqtt_turn_init(struct mqtt_turn *t, uv_loop_t *loop, struct mqtt_session *session, void (*over)(struct mqtt_turn *t),
                    void *data)
{
    *t = (struct mqtt_turn){.session = session, .over = over};
    uv_idle_init(loop, &t->flush);
    uv_timer_init(loop, &t->timer);
    t->flush.data = t->timer.data = data;
}

void mqtt_turn_close(struct mqtt_turn *t, uv_close_cb cb)
{
    mqtt_turn_end(t);
    uv_close((uv_handle_t *) &t->flush, cb);
    uv_close((uv_handle_t *) &t->timer, cb);
}
