/* SPDX-License-Identifier: MIT */
/*
 * The mqtt cloud. With P = mqtt_prefix and D = the did:
 *
 *   P/D/command      to the device: {"id"?,"method","params"}; retained ones are dropped, they would be executed again
 *   P/D/command_ack  {"id",...}: the answer to a command that had an id
 *   P/D/report       reports as applications wrote them, under an id of the client's own, the same one on repeats
 *   P/D/status       retained: "online" when commands can come (birth), "offline" as the will and at the end
 *   P/D/state        retained: the last value of each reported property, even from before a restart
 *
 * and Home Assistant's discovery messages when a list of properties is given (client/cloud/mqtt/core/ha_list/ha_discovery.h).
 * Commands are subscribed to with QoS 2, or with less where a broker does not grant that: published with QoS 2, each is executed
 * exactly once. Here: the session, reports, start and end.
 */
#include "client/cloud/mqtt/mqtt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/link_counters.h"
#include "client/cloud/mqtt/mqtt_priv.h"
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"
#include "libagent/core/codes.h"
#include "libagent/core/text/message.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

enum { FIRST_MS = 500, MAX_MS = 60000, DEPTH_MAX = 128 };

static const char *const topic_names[MQTT_N_TOPICS] = {"command", "command_ack", "report", "status", "state", "vacuum"};

void mqtt_cloud_refused(struct mqtt_cloud *m, uint64_t *counter, const char *what, const char *why)
{
    ++*counter;
    ag_log_gated(&m->gate, uv_now(m->env->loop), AG_LOG_WARNING, "mqtt: %s refused: %s", what, why);
}

void mqtt_cloud_not_sent(struct mqtt_cloud *m, const char *what, struct ag_span topic, int r)
{
    ag_log_gated(&m->not_sent, uv_now(m->env->loop), AG_LOG_WARNING, "mqtt: %s %.*s: %s", what, (int) topic.len, topic.p,
                 strerror(-r));
}

int mqtt_cloud_publish(struct mqtt_cloud *m, const struct mqtt_link_msg *msg, uint64_t cookie)
{
    struct mqtt_link_msg copy = *msg;
    int r;

    /* reports are kept elsewhere and do not crowd the rest out */
    copy.urgent = msg->topic != m->topics[MQTT_T_REPORT];
    r = mqtt_link_publish(m->link, &copy, cookie);
    if (r == 0)
        broker_session_sent(&m->broker, uv_now(m->env->loop));
    return r;
}

/* ---- what is due ---- */

static void on_due(uv_timer_t *t)
{
    struct mqtt_cloud *m = t->data;
    uint64_t now = uv_now(m->env->loop);

    if (m->broker.stopping || !m->broker.reconnect.up)
        return;
    mqtt_sub_overdue(m, now);
    mqtt_picture_overdue(m, now);
    mqtt_ha_overdue(m, now);
    mqtt_ask_overdue(m, now);
    mqtt_cloud_rearm(m);
}

void mqtt_cloud_rearm(struct mqtt_cloud *m)
{
    uint64_t at = ag_earlier(m->sub_command.due_ms, mqtt_picture_due_ms(m));

    if (m->broker.stopping)
        return;
    at = ag_earlier(at, mqtt_ha_due_ms(m));
    at = ag_earlier(at, mqtt_ask_due_ms(m));
    ag_timer_at(&m->due, on_due, m->broker.reconnect.up ? at : AG_NEVER);
}

/* ---- the session ---- */

static int configure(struct mqtt_cloud *m, bool open);

static void on_retry(uv_timer_t *t)
{
    struct mqtt_cloud *m = t->data;
    int r;

    if (m->broker.stopping)
        return;
    broker_session_tries(&m->broker);
    r = configure(m, false); /* the next server; -EBUSY: a try is on */
    if (r < 0 && r != -EBUSY)
        ag_log(AG_LOG_WARNING, "mqtt: %s", strerror(-r));
    mqtt_link_connect(m->link);
}

static void on_connected(void *user)
{
    struct mqtt_cloud *m = user;

    broker_session_up(&m->broker, uv_now(m->env->loop));
    mqtt_ha_connected(m);
    mqtt_sub_begin(m);
    mqtt_answers_send(m);
    mqtt_cloud_rearm(m);
    m->env->events->connected(m->env->user);
}

static void session_ended(struct mqtt_cloud *m, bool cut)
{
    uint64_t now = uv_now(m->env->loop);

    uv_timer_stop(&m->due);
    mqtt_sub_lost(m, cut, now);
    mqtt_picture_lost(m, now);
}

static uint32_t next_pause(struct mqtt_cloud *m, enum broker_end how)
{
    bool suspect;
    uint32_t pause = broker_session_down(&m->broker, how, uv_now(m->env->loop), &suspect);

    if (how != BROKER_LEFT)
        m->server = (m->server + 1) % m->conf.n_servers;
    if (suspect)
        ag_log(AG_LOG_ERROR, "mqtt: %d sessions in a row ended soon after login: does another device use the client id %s?",
               RECONNECT_SHORT_MAX, m->client_id);
    return pause;
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct mqtt_cloud *m = user;
    enum broker_end how = cloud_link_end_of(loss, code);

    if (m->broker.stopping)
        return;
    if (m->broker.reconnect.up)
        session_ended(m, how != BROKER_LEFT);
    uv_timer_start(&m->retry, on_retry, next_pause(m, how), 0);
    cloud_past_note_link(&m->past, loss, code, why, uv_now(m->env->loop));
    m->past.n_short = m->broker.reconnect.n_short;
    m->env->events->lost(m->env->user, why);
}

static void on_message(void *user, const struct mqtt_link_msg *msg)
{
    struct mqtt_cloud *m = user;

    if (strcmp(msg->topic, m->topics[MQTT_T_COMMAND]) == 0)
        mqtt_command_come(m, msg);
    else if (strcmp(msg->topic, m->topics[MQTT_T_STATE]) == 0)
        mqtt_picture_come(m, msg);
    else
        mqtt_ha_come(m, msg);
}

static void on_room(void *user)
{
    struct mqtt_cloud *m = user;

    mqtt_picture_room(m);
    mqtt_answers_send(m);
    if (m->env->events->room)
        m->env->events->room(m->env->user);
}

/* ---- reports ---- */

static void report_done(struct mqtt_cloud *m, uint32_t id, int result)
{
    if (!broker_report_ended(&m->broker, id))
        return;
    if (result == 0)
        m->env->events->acked(m->env->user, id, AG_SPAN("{\"result\":[\"ok\"]}"));
    else
        m->env->events->failed(m->env->user, id, true, AG_CODE_NOT_CONNECTED, "not connected");
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct mqtt_cloud *m = user;
    uint32_t n = (uint32_t) cookie;

    switch ((enum mqtt_cookie_kind)(cookie >> 32)) {
    case MQTT_COOKIE_REPORT:
        report_done(m, n, result);
        break;
    case MQTT_COOKIE_ANSWER:
        answer_box_done(&m->answers, n, result == 0);
        break;
    case MQTT_COOKIE_SUB_COMMAND:
        mqtt_sub_answered(m, (uint8_t) n, result);
        break;
    case MQTT_COOKIE_SUB_STATE:
        mqtt_picture_subscribed(m, result);
        break;
    case MQTT_COOKIE_UNSUB_STATE:
        if (result != MQTT_LINK_DONE_LOST)
            mqtt_picture_unsubscribed(m);
        break;
    case MQTT_COOKIE_SUB_BIRTH:
        mqtt_ha_subscribed(m, result);
        break;
    }
}

/* The report as the broker gets it: the text itself if it already has the id, as reports of the client do. */
static int with_id(struct ag_span *out, struct ag_buf *b, struct ag_span text, const struct ag_json_view *view, uint32_t id)
{
    uint64_t has;
    int r;

    *out = text;
    if (ag_view_uint(view, text.p, AG_M_ID, UINT32_MAX, &has) && has == id)
        return 0;
    r = ag_msg_put_id(b, text, view, id);
    *out = ag_buf_span(b);
    return r;
}

static bool mqtt_has_room(struct cloud *c)
{
    return mqtt_link_has_room(((struct mqtt_cloud *) c)->link);
}

static int mqtt_report(struct cloud *base, uint32_t report_id, struct ag_span text, const struct ag_json_view *view,
                       uint32_t at_s, bool repeat)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct mqtt_link_msg msg = {.topic = m->topics[MQTT_T_REPORT], .qos = m->conf.qos};
    struct ag_json_view own;
    int r;

    (void) at_s; /* the text goes as the application wrote it */
    if (repeat && broker_report_is_given(&m->broker, report_id))
        return 0; /* the link itself sends it again, with DUP */
    if (!mqtt_link_is_connected(m->link))
        return -ENOTCONN;
    if (!view && ag_json_parse(&text, DEPTH_MAX, &own) == 0)
        view = &own;
    if (!view || view->at[AG_M_METHOD].type != AG_JSON_STRING)
        return -EINVAL;
    r = with_id(&msg.payload, &b, text, view, report_id);
    if (r < 0)
        return r;
    r = broker_report_given(&m->broker, report_id);
    if (r < 0)
        return r;
    r = mqtt_cloud_publish(m, &msg, mqtt_cookie(MQTT_COOKIE_REPORT, report_id));
    if (r < 0)
        broker_report_ended(&m->broker, report_id);
    else
        mqtt_picture_report(m, text, view);
    return r;
}

static int mqtt_carries(const struct device_conf *conf, struct ag_span text)
{
    struct ag_json_view view;

    (void) conf;
    return ag_json_parse(&text, DEPTH_MAX, &view) != 0 || view.at[AG_M_METHOD].type != AG_JSON_STRING ? -EINVAL : 0;
}

/* ---- life ---- */

static void fields_deinit(struct mqtt_cloud *m)
{
    mqtt_commands_deinit(m);
    mqtt_ha_deinit(m);
    mqtt_ask_deinit(m);
    broker_session_deinit(&m->broker);
    for (int i = 0; i < MQTT_N_TOPICS; i++)
        free(m->topics[i]);
    prop_state_deinit(&m->state);
}

/* The link or a timer has closed. */
static void put(struct mqtt_cloud *m)
{
    const struct cloud_env *env = m->env;

    if (!broker_session_closed(&m->broker))
        return;
    fields_deinit(m);
    free(m);
    env->events->closed(env->user);
}

static void on_link_closed(void *user)
{
    put(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    put(h->data);
}

static const struct mqtt_link_events LINK_EVENTS = {
    .connected = on_connected,
    .lost = on_lost,
    .message = on_message,
    .done = on_done,
    .closed = on_link_closed,
    .room = on_room,
};

/* open: a new link; else the settings of the one there is. */
static int configure(struct mqtt_cloud *m, bool open)
{
    const struct mqtt_conf *c = &m->conf;
    const struct mqtt_link_msg will = {
        .topic = m->topics[MQTT_T_STATUS], .payload = AG_SPAN("offline"), .qos = 1, .retain = true};
    const struct mqtt_link_config config = {
        .host = c->servers[m->server].host,
        .port = c->servers[m->server].port,
        .keepalive_s = c->keepalive_s,
        .client_id = m->client_id,
        .user = c->user,
        .password = c->password,
        .clean_session = c->clean_session,
        .will = &will,
        .tls = c->tls,
        .ca_file = c->ca_file,
        .cert_file = c->cert_file,
        .key_file = c->key_file,
    };

    /* discovery messages count too, until they are written */
    static const struct mqtt_link_limits limits = {.window = HA_ENTITIES_MAX + 64};

    return open ? mqtt_link_open(&m->link, m->env->loop, &config, &limits, &LINK_EVENTS, m)
                : mqtt_link_configure(m->link, &config);
}

static int init_fields(struct mqtt_cloud *m, const struct cloud_env *env)
{
    char why[160];
    int r;

    m->env = env;
    m->picture_due_ms = m->ask.due_ms = m->ha.announce_ms = m->ha.clear_ms = AG_NEVER;
    mqtt_commands_init(m);
    m->gate = m->not_sent = (struct ag_log_gate){.burst = 10, .period_ms = 60000};
    broker_session_init(&m->broker, FIRST_MS, 0, MAX_MS, (uint32_t) uv_hrtime());
    r = mqtt_conf_read(env->conf, &m->conf, why, sizeof why);
    if (r < 0)
        return r;
    m->broker.reconnect.spared = m->conf.n_servers - 1;
    sub_ladder_init(&m->sub_command, m->conf.command_qos, (uint32_t) uv_hrtime());
    sub_ladder_init(&m->sub_state, 0, (uint32_t) uv_hrtime());
    snprintf(m->did, sizeof m->did, "%" PRIu64, env->conf->did);
    snprintf(m->default_id, sizeof m->default_id, "miio-%s", m->did);
    m->client_id = m->conf.client_id ? m->conf.client_id : m->default_id;
    for (int i = 0; i < MQTT_N_TOPICS; i++) {
        if (asprintf(&m->topics[i], "%s/%s/%s", m->conf.prefix, m->did, topic_names[i]) < 0) {
            m->topics[i] = NULL;
            return -ENOMEM;
        }
    }
    return 0;
}

static void open_timer(struct mqtt_cloud *m, uv_timer_t *t)
{
    uv_timer_init(m->env->loop, t);
    t->data = m;
    broker_session_opened(&m->broker);
}

static int mqtt_create(struct cloud **out, const struct cloud_env *env)
{
    struct mqtt_cloud *m = calloc(1, sizeof *m);
    int r;

    if (!m)
        return -ENOMEM;
    m->base.ops = &cloud_mqtt_ops;
    r = init_fields(m, env);
    if (r == 0)
        r = configure(m, true);
    if (r < 0) {
        fields_deinit(m);
        free(m);
        return r;
    }
    broker_session_opened(&m->broker); /* the link */
    open_timer(m, &m->retry);
    open_timer(m, &m->due);
    *out = &m->base;
    return 0;
}

/* The list of properties, or the model, is judged at the start too. */
static int mqtt_check(const struct device_conf *conf, char *why, size_t n)
{
    struct mqtt_conf c;
    int r = mqtt_conf_read(conf, &c, why, n);

    return r < 0 ? r : mqtt_ha_check(&c, why, n);
}

static void mqtt_start(struct cloud *base)
{
    mqtt_link_connect(((struct mqtt_cloud *) base)->link);
}

/* An orderly end leaves no will behind, so "offline" is published here. */
static void mqtt_stop(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    if (!broker_session_stop(&m->broker))
        return;
    if (answer_box_next(&m->answers))
        ag_log(AG_LOG_WARNING, "mqtt: %u answers were not sent", m->answers.n);
    mqtt_picture_offline(m);
    uv_close((uv_handle_t *) &m->retry, on_timer_closed);
    uv_close((uv_handle_t *) &m->due, on_timer_closed);
    mqtt_link_close(m->link);
}

void mqtt_cloud_leave(struct mqtt_cloud *m)
{
    m->server = (m->server + 1) % m->conf.n_servers;
    mqtt_picture_offline(m); /* DISCONNECT takes the will back */
    mqtt_link_disconnect(m->link);
}

static void mqtt_kick(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    if (m->broker.stopping)
        return;
    broker_session_kicked(&m->broker);
    sub_ladder_reset(&m->sub_command);
    /* DISCONNECT takes the will back, and the next login may fail */
    mqtt_picture_offline(m);
    if (mqtt_link_disconnect(m->link) == -ENOTCONN)
        uv_timer_start(&m->retry, on_retry, broker_session_soon(&m->broker, uv_now(m->env->loop)), 0);
}

/* Certificates are read at each connect; a session without any goes on, and tells Home Assistant what the files say now. */
static void mqtt_reload(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    if (m->conf.tls)
        mqtt_kick(base);
    else
        mqtt_ha_reload(m);
}

static uint64_t mqtt_next_try_ms(const struct cloud *base)
{
    const struct mqtt_cloud *m = (const struct mqtt_cloud *) base;

    return broker_session_next_try_ms(&m->broker, uv_now(m->env->loop));
}

static unsigned mqtt_wakeup_s(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    struct mqtt_link_stats st;

    mqtt_link_get_stats(m->link, &st);
    return broker_session_wakeup_s(&m->broker, uv_now(m->env->loop), m->conf.keepalive_s * 1000u,
                                   st.in_window > 0 || m->answers.n + m->answers.n_open > 0);
}

static const struct counter counters[] = {
    COUNTER("cloud.refused.properties", struct mqtt_cloud, properties_refused),
};

static void mqtt_counters(const struct cloud *base, counter_fn *tell, void *user)
{
    const struct mqtt_cloud *m = (const struct mqtt_cloud *) base;

    counters_tell(counters, m, tell, user);
    cloud_tell_broker(&m->broker, &m->answers, m->link, tell, user);
}

static void mqtt_facts(const struct cloud *base, struct cloud_facts *out)
{
    const struct mqtt_cloud *m = (const struct mqtt_cloud *) base;

    cloud_link_facts(m->link, out);
    cloud_facts_server(out, m->conf.servers[m->server].host, m->conf.servers[m->server].port);
    out->past = m->past;
    out->in_flight = m->broker.n_reports;
    if (m->broker.reconnect.up && sub_ladder_is_deaf(&m->sub_command))
        cloud_facts_refused(out, m->topics[MQTT_T_COMMAND], sub_ladder_word(m->sub_command.no));
}

const struct cloud_ops cloud_mqtt_ops = {
    .name = "mqtt",
    .place = CLOUD_MQTT,
    .check = mqtt_check,
    .create = mqtt_create,
    .start = mqtt_start,
    .stop = mqtt_stop,
    .report = mqtt_report,
    .has_room = mqtt_has_room,
    .carries = mqtt_carries,
    .answer = mqtt_command_answer,
    .kick = mqtt_kick,
    .wakeup_s = mqtt_wakeup_s,
    .next_try_ms = mqtt_next_try_ms,
    .forget = mqtt_picture_forget,
    .reload = mqtt_reload,
    .counters = mqtt_counters,
    .facts = mqtt_facts,
};
