/* SPDX-License-Identifier: MIT */
/* The MQTT side of a Gizwits session: one link per DID, three subscriptions, frames out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/gizwits/gizwits_priv.h"
#include "client/cloud/link_counters.h"

enum { SUBSCRIBE_MS = 10000 };

static void on_connected(void *user)
{
    struct gizwits *g = user;

    broker_session_sent(&g->broker, uv_now(g->env->loop));
    gizwits_do(g, gizwits_session_on_connected(&g->session));
}

static void log_not_subscribed(struct gizwits *g, unsigned i, enum sub_ladder_no how)
{
    char filter[GIZWITS_TOPIC_MAX];

    g->broker.count.subscriptions_refused++;
    gizwits_topic_filter(i, g->link_did, g->conf.product_key, filter);
    snprintf(g->refused, sizeof g->refused, "%s", filter);
    g->refused_how = how;
    ag_log(AG_LOG_ERROR, "gizwits: the server %s the subscription to %s", sub_ladder_how(how), filter);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct gizwits *g = user;
    bool online = gizwits_online(g);
    struct gizwits_decision d;

    cloud_past_note_link(&g->past, loss, code, why, uv_now(g->env->loop));
    if (loss == MQTT_LINK_ASKED) { /* we dropped it: the session knows */
        if (g->connect_waits && !g->link_stale) {
            g->connect_waits = false;
            gizwits_do(g, (struct gizwits_decision){.what = GIZWITS_DO_CONNECT});
        }
        return;
    }
    ag_log(AG_LOG_WARNING, "gizwits: %s: %s", online ? "session lost" : "no session", why);
    if (g->session.phase == GIZWITS_PH_SUBSCRIBE)
        log_not_subscribed(g, g->session.n_subscribed, SUB_NO_CUT);
    d = gizwits_session_on_lost(&g->session, uv_now(g->env->loop));
    gizwits_do(g, d);
    if (d.suspect)
        ag_log(AG_LOG_ERROR, "gizwits: %d sessions in a row ended soon after login: does another device use the DID %s?",
               RECONNECT_SHORT_MAX, g->link_did);
}

/* QoS 0 is all that is asked for: there is nothing less to fall back to. */
static void subscribed(struct gizwits *g, unsigned i, int result)
{
    bool granted = result >= 0 && result <= 2;

    uv_timer_stop(&g->pause);
    if (!granted)
        log_not_subscribed(g, i, SUB_NO_REFUSED);
    gizwits_do(g, gizwits_session_on_subscribed(&g->session, granted, uv_now(g->env->loop)));
}

static void on_subscribe_overdue(uv_timer_t *t)
{
    struct gizwits *g = t->data;

    if (g->session.phase != GIZWITS_PH_SUBSCRIBE)
        return;
    log_not_subscribed(g, g->session.n_subscribed, SUB_NO_SILENT);
    gizwits_do(g, gizwits_session_on_subscribed(&g->session, false, uv_now(g->env->loop)));
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct gizwits *g = user;

    switch ((enum gizwits_cookie_kind)(cookie >> 32)) {
    case GIZWITS_COOKIE_REPORT:
        gizwits_report_done(g, (uint32_t) cookie, result);
        break;
    case GIZWITS_COOKIE_SUBSCRIBE:
        if (result != MQTT_LINK_DONE_LOST)
            subscribed(g, (unsigned) (uint32_t) cookie, result);
        break;
    case GIZWITS_COOKIE_ANSWER:
        answer_box_done(&g->answers, (uint32_t) cookie, result == 0);
        break;
    }
}

static void on_link_closed(void *user)
{
    struct gizwits *g = user;

    g->link = NULL;
    g->link_stale = false;
    if (g->connect_waits && !g->broker.stopping) {
        g->connect_waits = false;
        broker_session_closed(&g->broker); /* there are others */
        gizwits_do(g, (struct gizwits_decision){.what = GIZWITS_DO_CONNECT});
        return;
    }
    gizwits_put(g);
}

static void on_room(void *user)
{
    struct gizwits *g = user;

    gizwits_answers_send(g);
    if (g->env->events->room)
        g->env->events->room(g->env->user);
}

static const struct mqtt_link_events LINK_EVENTS = {
    .connected = on_connected,
    .lost = on_lost,
    .message = gizwits_on_message,
    .done = on_done,
    .closed = on_link_closed,
    .room = on_room,
};

static struct mqtt_link_config link_config(const struct gizwits *g)
{
    return (struct mqtt_link_config){
        .host = g->session.m2m.host,
        .port = g->session.m2m.port,
        .keepalive_s = g->conf.keepalive_s,
        .heartbeat_ms = g->conf.heartbeat_ms,
        .level = MQTT_LINK_V31,
        .client_id = g->link_did,
        .user = g->link_did,
        .password = g->store.passcode,
        .clean_session = true,
    };
}

/* A link is bound to its client id: another DID needs another link, and that waits until the old one has
 * gone. */
int gizwits_link_connect(struct gizwits *g)
{
    struct mqtt_link_config config;
    int r;

    if (g->link && strcmp(g->link_did, g->store.did) != 0) {
        g->connect_waits = true;
        if (!g->link_stale) {
            g->link_stale = true;
            mqtt_link_close(g->link);
        }
        return 0;
    }
    if (strcmp(g->link_did, g->store.did) != 0)
        answer_box_clear(&g->answers); /* they were for Apps of another identity */
    memcpy(g->link_did, g->store.did, sizeof g->link_did);
    config = link_config(g);
    if (g->link) {
        r = mqtt_link_configure(g->link, &config);
    } else {
        r = mqtt_link_open(&g->link, g->env->loop, &config, NULL, &LINK_EVENTS, g);
        if (r == 0)
            broker_session_opened(&g->broker);
    }
    if (r == 0)
        r = mqtt_link_connect(g->link);
    if (r == -EBUSY) { /* the session before is still on its way out */
        g->connect_waits = true;
        r = 0;
    }
    return r;
}

int gizwits_link_subscribe(struct gizwits *g, unsigned i)
{
    char filter[GIZWITS_TOPIC_MAX];

    uv_timer_start(&g->pause, on_subscribe_overdue, SUBSCRIBE_MS, 0); /* no other pause is on meanwhile */
    return mqtt_link_subscribe(g->link, gizwits_topic_filter(i, g->link_did, g->conf.product_key, filter), 0,
                               gizwits_cookie(GIZWITS_COOKIE_SUBSCRIBE, i));
}

int gizwits_publish_bytes(struct gizwits *g, const char *topic, struct ag_span payload, bool urgent, uint64_t cookie)
{
    const struct mqtt_link_msg m = {.topic = topic, .payload = payload, .qos = 0, .urgent = urgent};
    int r;

    if (!gizwits_online(g) || !g->link)
        return -ENOTCONN;
    r = mqtt_link_publish(g->link, &m, cookie);
    if (r == 0)
        broker_session_sent(&g->broker, uv_now(g->env->loop));
    return r;
}

int gizwits_publish(struct gizwits *g, const char *app, const struct gizwits_frame *f, uint64_t cookie)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf frame = AG_BUF_INIT;
    char topic[GIZWITS_TOPIC_MAX];
    int r = gizwits_frame_build(f, &frame);

    if (r != 0)
        return r;
    /* without a cookie nobody offers it a second time */
    return gizwits_publish_bytes(g, gizwits_topic_to_app(g->link_did, app, topic), ag_buf_span(&frame), cookie == 0, cookie);
}

void gizwits_send_log(struct gizwits *g, enum gizwits_log_level level, const char *tag, const char *text)
{
    struct gizwits_frame f = {
        .cmd = GIZWITS_LOG,
        .level = (uint8_t) level,
        .tag = {tag, strlen(tag)},
        .source = AG_SPAN("miio_client"),
        .text = {text, strlen(text)},
    };

    if (gizwits_log_wanted(g->log_settings, level) && gizwits_publish(g, "", &f, 0) != 0)
        g->count.unsent++;
}

void gizwits_link_drop(struct gizwits *g)
{
    g->connect_waits = false;
    if (g->link && !g->link_stale)
        mqtt_link_disconnect(g->link);
}
