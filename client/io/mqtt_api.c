#include "client/io/mqtt_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/core/backoff.h"
#include "client/core/mqtt_channel.h"
#include "client/io/mqtt_link.h"
#include "libagent/core/log.h"
#include "libagent/core/message.h"

enum { FIRST_MS = 100, MAX_MS = 2000, KEEPALIVE_S = 30, WINDOW = 1024, DEPTH_MAX = 128 };

struct mqtt_api {
    struct mqtt_link *link;
    uv_timer_t retry;
    struct backoff backoff;
    const struct mqtt_api_events *events;
    void *user;
    struct mqtt_api_stats stats;
    struct ag_log_gate gate;
    bool joined, answering, closing, down_logged, link_gone, timer_gone;
};

static void send_on(struct mqtt_api *a, enum mqtt_channel c, struct ag_span text)
{
    const struct mqtt_link_msg m = {.topic = mqtt_channel_topic(c), .payload = text, .qos = 1};

    if (mqtt_link_publish(a->link, &m, 0) == 0)
        a->stats.texts_out++;
    else
        a->stats.dropped++;
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

static void on_connected(void *user, bool session_present)
{
    struct mqtt_api *a = user;

    (void) session_present;
    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++)
        mqtt_link_subscribe(a->link, mqtt_channel_topic((enum mqtt_channel) c), 1, c + 1);
    backoff_reset(&a->backoff);
}

/* The applications can be heard when the last subscription stands. */
static void on_done(void *user, uint64_t cookie, int result)
{
    struct mqtt_api *a = user;

    if (result == MQTT_LINK_DONE_REFUSED)
        ag_log(AG_LOG_ERROR, "MQTT API: the broker refuses %s",
               mqtt_channel_topic((enum mqtt_channel)(cookie - 1)));
    if (result < 0 || cookie != MQTT_CHANNEL_N_IN || a->joined)
        return;
    a->joined = true;
    a->down_logged = false;
    ag_log(AG_LOG_INFO, "MQTT API: connected");
    a->events->joined(a->user);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct mqtt_api *a = user;

    (void) loss;
    (void) code;
    if (!a->down_logged)
        ag_log(AG_LOG_WARNING, "MQTT API: broker: %s; trying again", why);
    a->down_logged = true;
    uv_timer_start(&a->retry, on_retry, backoff_next(&a->backoff), 0);
    if (a->joined) {
        a->joined = false;
        a->events->left(a->user);
    }
}

static void refuse(struct mqtt_api *a, enum mqtt_channel c, int code, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    unsigned held;

    a->stats.refused++;
    if (ag_log_gate_pass(&a->gate, uv_now(a->retry.loop), &held))
        ag_log(AG_LOG_WARNING, "MQTT API: text on %s refused: %s (%u more not shown)", mqtt_channel_topic(c),
               why, held);
    if (c != MQTT_CHANNEL_COMMAND_ACK && ag_msg_error(&b, AG_SPAN("null"), code, why, NULL) == 0)
        send_on(a, c == MQTT_CHANNEL_LOCAL_IN ? MQTT_CHANNEL_LOCAL_OUT : MQTT_CHANNEL_REPORT_ACK,
                ag_buf_span(&b));
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
        refuse(a, c, -32700, "not one JSON object");
        return;
    }
    /* a helper may answer _internal.* requests on the report channel */
    if (c != MQTT_CHANNEL_REPORT && !mqtt_channel_fits(c, &view)) {
        refuse(a, c, -32600, "it belongs on another channel");
        return;
    }
    a->stats.texts_in++;
    a->answering = c == MQTT_CHANNEL_LOCAL_IN;
    a->events->text(a->user, text, &view);
    a->answering = false;
}

/* ---- life ---- */

static void free_when_all_gone(struct mqtt_api *a)
{
    const struct mqtt_api_events *events = a->events;
    void *user = a->user;

    if (!a->link_gone || !a->timer_gone)
        return;
    free(a);
    events->closed(user);
}

static void on_link_closed(void *user)
{
    struct mqtt_api *a = user;

    a->link_gone = true;
    free_when_all_gone(a);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mqtt_api *a = h->data;

    a->timer_gone = true;
    free_when_all_gone(a);
}

static const struct mqtt_link_events LINK_EVENTS = {on_connected, on_lost, on_message, on_done,
                                                    on_link_closed, NULL};

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
    backoff_init(&a->backoff, FIRST_MS, 0, MAX_MS, (uint32_t) uv_hrtime());
    r = mqtt_link_open(&a->link, loop, &config, &limits, &LINK_EVENTS, a);
    if (r < 0) {
        free(a);
        return r;
    }
    uv_timer_init(loop, &a->retry);
    a->retry.data = a;
    mqtt_link_connect(a->link);
    *out = a;
    return 0;
}

void mqtt_api_close(struct mqtt_api *a)
{
    if (!a || a->closing)
        return;
    a->closing = true;
    uv_close((uv_handle_t *) &a->retry, on_timer_closed);
    mqtt_link_close(a->link);
}

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out)
{
    *out = a->stats;
}
