/* SPDX-License-Identifier: MIT */
#include "client/local/io/mqtt_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/backoff.h"
#include "client/local/core/mqtt_channel.h"
#include "client/cloud/core/sub_ladder.h"
#include "client/cloud/io/mqtt_link.h"
#include "libagent/core/codes.h"
#include "libagent/core/list.h"
#include "libagent/core/log/log.h"
#include "libagent/core/text/message.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

enum { AWAY_FIRST_MS = 100, AWAY_MAX_MS = 2000, CUT_FIRST_MS = 500, CUT_MAX_MS = 60000 };
enum { KEEPALIVE_S = 30, WINDOW = 1024, WAITING_BYTES = 2 << 20, DEPTH_MAX = 128, QOS = 1 };

struct mqtt_api {
    struct mqtt_link *link;
    uv_timer_t retry, due;        /* the next try; the next answer to a subscription that is overdue */
    struct ag_backoff while_away; /* the broker is not there: it is local, and comes soon */
    struct ag_backoff after_cut;  /* it was there and ended the session */
    uint64_t up_ms;               /* when this session began */
    bool up;
    struct sub_ladder subs[MQTT_CHANNEL_N_IN];
    const struct mqtt_api_events *events;
    void *user;
    struct mqtt_api_stats stats;
    struct ag_log_gate gate;
    struct ag_list waiting; /* texts for which there was no room */
    size_t waiting_bytes;
    bool joined, answering, closing, down_logged;
    unsigned n_open; /* link and timers that are still to close */
};

/* ---- what goes out ---- */

/* Met a full window: goes out when there is room. */
struct waiting {
    struct ag_list link;
    enum mqtt_channel channel;
    size_t len;
    char text[];
};

static void waiting_free(struct mqtt_api *a, struct waiting *w)
{
    ag_list_del(&w->link);
    a->waiting_bytes -= sizeof *w + w->len;
    free(w);
}

static int publish(struct mqtt_api *a, enum mqtt_channel c, struct ag_span text)
{
    const struct mqtt_link_msg m = {.topic = mqtt_channel_topic(c), .payload = text, .qos = 1};

    return mqtt_link_publish(a->link, &m, 0);
}

static int let_wait(struct mqtt_api *a, enum mqtt_channel c, struct ag_span text)
{
    size_t bytes = sizeof(struct waiting) + text.len;
    struct waiting *w = bytes <= WAITING_BYTES - a->waiting_bytes ? malloc(bytes) : NULL;

    if (!w)
        return -ENOBUFS;
    w->channel = c;
    w->len = text.len;
    memcpy(w->text, text.p, text.len);
    ag_list_init(&w->link);
    ag_list_append(&a->waiting, &w->link);
    a->waiting_bytes += bytes;
    return 0;
}

static void count(struct mqtt_api *a, int r)
{
    if (r == 0)
        a->stats.texts_out++;
    else
        a->stats.dropped++;
}

static void send_on(struct mqtt_api *a, enum mqtt_channel c, struct ag_span text)
{
    int r = ag_list_empty(&a->waiting) ? publish(a, c, text) : -ENOBUFS;

    if (r != -ENOBUFS || let_wait(a, c, text) < 0)
        count(a, r);
}

static void on_room(void *user)
{
    struct mqtt_api *a = user;
    struct waiting *w;

    while ((w = ag_list_first(&a->waiting, struct waiting, link))) {
        int r = publish(a, w->channel, (struct ag_span){w->text, w->len});

        if (r == -ENOBUFS)
            return;
        count(a, r);
        waiting_free(a, w);
    }
}

/* With the session: who listens has gone, and answers and commands are of the moment. */
static void drop_waiting(struct mqtt_api *a)
{
    while (!ag_list_empty(&a->waiting)) {
        a->stats.dropped++;
        waiting_free(a, ag_list_first(&a->waiting, struct waiting, link));
    }
}

void mqtt_api_send(struct mqtt_api *a, struct ag_span text)
{
    struct ag_json_view view;

    if (ag_json_parse(&text, DEPTH_MAX, &view) == 0)
        send_on(a, mqtt_channel_choose(&view, a->answering), text);
}

/* ---- the broker ---- */

static void on_retry(uv_timer_t *t)
{
    struct mqtt_api *a = t->data;

    mqtt_link_connect(a->link);
}

/* ---- subscriptions ---- */

static void ask(struct mqtt_api *a, unsigned c)
{
    const char *topic = mqtt_channel_topic((enum mqtt_channel) c);
    int r = mqtt_link_subscribe(a->link, topic, a->subs[c].qos, 1 + c * 4 + a->subs[c].qos);

    if (r < 0)
        ag_log(AG_LOG_ERROR, "MQTT API: cannot subscribe to %s: %s", topic, strerror(-r));
}

/* The applications can be heard when each channel is settled and at least one is subscribed. */
static void join_when_settled(struct mqtt_api *a)
{
    unsigned n_stand = 0;

    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++) {
        if (!sub_ladder_is_settled(&a->subs[c]))
            return;
        n_stand += a->subs[c].state == SUB_GRANTED;
    }
    if (a->joined || n_stand == 0)
        return;
    a->joined = true;
    a->down_logged = false;
    ag_log(AG_LOG_INFO, "MQTT API: connected");
    a->events->joined(a->user);
}

static void on_due(uv_timer_t *t);

static void rearm(struct mqtt_api *a)
{
    uint64_t at = AG_NEVER;

    for (unsigned c = 0; a->up && c < MQTT_CHANNEL_N_IN; c++)
        at = ag_earlier(at, a->subs[c].due_ms);
    ag_timer_at(&a->due, on_due, at);
}

/* With QoS asked. */
static void refused(struct mqtt_api *a, unsigned c, uint8_t asked, const char *how)
{
    const char *topic = mqtt_channel_topic((enum mqtt_channel) c);

    if (a->subs[c].state == SUB_ASKING) {
        ag_log(AG_LOG_ERROR, "MQTT API: the broker %s %s with QoS %u; asking for QoS %u", how, topic, asked, a->subs[c].qos);
        ask(a, c);
    } else {
        ag_log(AG_LOG_ERROR, "MQTT API: the broker %s %s: nothing will be heard there; next try in %u s", how, topic,
               sub_ladder_pause_s(&a->subs[c], uv_now(a->retry.loop)));
    }
}

static void on_due(uv_timer_t *t)
{
    struct mqtt_api *a = t->data;
    uint64_t now = uv_now(t->loop);

    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN && a->up; c++) {
        struct sub_ladder *s = &a->subs[c];
        bool asking = s->state == SUB_ASKING;
        uint8_t asked = s->qos;

        if (now < s->due_ms)
            continue;
        sub_ladder_overdue(s, now);
        if (asking)
            refused(a, c, asked, "does not answer the subscription to");
        else
            ask(a, c);
    }
    join_when_settled(a);
    rearm(a);
}

/* cookie: 1, 4 times the channel, and the QoS that was asked for. */
static void on_done(void *user, uint64_t cookie, int result)
{
    struct mqtt_api *a = user;
    unsigned c = (unsigned) (cookie - 1) / 4;
    struct sub_ladder *s = &a->subs[c];
    uint8_t asked = (cookie - 1) % 4;

    if (result == MQTT_LINK_DONE_LOST || !sub_ladder_answered(s, asked, result, uv_now(a->retry.loop)))
        return;
    if (s->state != SUB_GRANTED)
        refused(a, c, asked, "refuses");
    join_when_settled(a);
    rearm(a);
}

/* ---- the session ---- */

static void on_connected(void *user)
{
    struct mqtt_api *a = user;

    a->up = true;
    a->up_ms = uv_now(a->retry.loop);
    ag_backoff_reset(&a->while_away);
    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++) {
        if (sub_ladder_begin(&a->subs[c], a->up_ms))
            ask(a, c);
    }
    join_when_settled(a);
    rearm(a);
}

static uint32_t next_pause(struct mqtt_api *a)
{
    uint64_t now = uv_now(a->retry.loop);

    if (!a->up)
        return ag_backoff_next(&a->while_away);
    a->up = false;
    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++) {
        if (sub_ladder_lost(&a->subs[c], true, now))
            ag_log(AG_LOG_ERROR, "MQTT API: the connection ended while %s was being subscribed to",
                   mqtt_channel_topic((enum mqtt_channel) c));
    }
    ag_backoff_session_ended(&a->after_cut, now - a->up_ms);
    return ag_backoff_next(&a->after_cut);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct mqtt_api *a = user;
    uint32_t pause = next_pause(a);

    (void) loss;
    (void) code;
    ag_log(a->down_logged ? AG_LOG_DEBUG : AG_LOG_WARNING, "MQTT API: broker: %s; trying again, next try in %u ms", why,
           (unsigned) pause);
    a->down_logged = true;
    drop_waiting(a);
    uv_timer_start(&a->retry, on_retry, pause, 0);
    uv_timer_stop(&a->due);
    if (a->joined) {
        a->joined = false;
        a->events->left(a->user);
    }
}

static void refuse(struct mqtt_api *a, enum mqtt_channel c, int code, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    a->stats.refused++;
    ag_log_gated(&a->gate, uv_now(a->retry.loop), AG_LOG_WARNING, "MQTT API: text on %s refused: %s", mqtt_channel_topic(c), why);
    if (c != MQTT_CHANNEL_COMMAND_ACK && ag_msg_error(&b, AG_SPAN("null"), code, why, NULL) == 0)
        send_on(a, c == MQTT_CHANNEL_LOCAL_IN ? MQTT_CHANNEL_LOCAL_OUT : MQTT_CHANNEL_REPORT_ACK, ag_buf_span(&b));
}

static void on_message(void *user, const struct mqtt_link_msg *m)
{
    struct mqtt_api *a = user;
    enum mqtt_channel c = mqtt_channel_find(m->topic);
    struct ag_span text = m->payload;
    struct ag_json_view view;

    if (c == MQTT_CHANNEL_N_IN)
        return;
    if (m->retain) {
        a->stats.refused++;
        return;
    }
    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0) {
        refuse(a, c, AG_CODE_PARSE, "not one JSON object");
        return;
    }
    /* a helper may answer _internal.* requests on the report channel */
    if (c != MQTT_CHANNEL_REPORT && !mqtt_channel_fits(c, &view)) {
        refuse(a, c, AG_CODE_INVALID_REQUEST, "it belongs on another channel");
        return;
    }
    a->stats.texts_in++;
    a->answering = c == MQTT_CHANNEL_LOCAL_IN;
    a->events->text(a->user, text, &view);
    a->answering = false;
}

/* ---- life ---- */

static void on_link_closed(void *user)
{
    struct mqtt_api *a = user;
    const struct mqtt_api_events *events = a->events;

    if (--a->n_open > 0)
        return;
    user = a->user;
    free(a);
    events->closed(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    on_link_closed(h->data);
}

static const struct mqtt_link_events LINK_EVENTS = {
    .connected = on_connected,
    .lost = on_lost,
    .message = on_message,
    .done = on_done,
    .closed = on_link_closed,
    .room = on_room,
};

static void open_timer(struct mqtt_api *a, uv_loop_t *loop, uv_timer_t *t)
{
    uv_timer_init(loop, t);
    t->data = a;
    a->n_open++;
}

int mqtt_api_open(struct mqtt_api **out, uv_loop_t *loop, const struct endpoint *broker, uint64_t id,
                  const struct mqtt_api_events *events, void *user)
{
    struct mqtt_api *a = calloc(1, sizeof *a);
    const struct mqtt_link_limits limits = {.window = WINDOW};
    char client_id[48];
    struct mqtt_link_config config = {
        .host = broker->host, .port = broker->port, .keepalive_s = KEEPALIVE_S, .client_id = client_id};
    int r;

    if (!a)
        return -ENOMEM;
    snprintf(client_id, sizeof client_id, "miio_client-%" PRIu64, id);
    a->events = events;
    a->user = user;
    a->gate = (struct ag_log_gate){.burst = 10, .period_ms = 60000};
    ag_list_init(&a->waiting);
    ag_backoff_init(&a->while_away, AWAY_FIRST_MS, 0, AWAY_MAX_MS, (uint32_t) uv_hrtime());
    ag_backoff_init(&a->after_cut, CUT_FIRST_MS, 0, CUT_MAX_MS, (uint32_t) uv_hrtime());
    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++)
        sub_ladder_init(&a->subs[c], QOS, (uint32_t) uv_hrtime());
    r = mqtt_link_open(&a->link, loop, &config, &limits, &LINK_EVENTS, a);
    if (r < 0) {
        free(a);
        return r;
    }
    a->n_open = 1; /* the link */
    open_timer(a, loop, &a->retry);
    open_timer(a, loop, &a->due);
    mqtt_link_connect(a->link);
    *out = a;
    return 0;
}

void mqtt_api_close(struct mqtt_api *a)
{
    if (!a || a->closing)
        return;
    a->closing = true;
    drop_waiting(a);
    uv_close((uv_handle_t *) &a->retry, on_timer_closed);
    uv_close((uv_handle_t *) &a->due, on_timer_closed);
    mqtt_link_close(a->link);
}

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out)
{
    *out = a->stats;
}
