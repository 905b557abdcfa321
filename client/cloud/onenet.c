/*
 * OneNET, the MQTT generation with $dp, $creq and $crsp. The connection, reports, and what comes in.
 * Source: OneNET MQTT access document.
 */
#include "client/cloud/onenet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "client/cloud/link_counters.h"
#include "client/cloud/onenet_priv.h"
#include "client/core/base64.h"
#include "client/core/utf8.h"
#include "libagent/core/json.h"
#include "libagent/core/local_time.h"

enum {
    CUT_STEP_MS = 1000, /* the first reconnect is at once, then the pause grows */
    CUT_MAX_MS = 60000,
    REFUSED_FIRST_MS = 10000, /* login refused: a wrong key does not get right by trying often */
    REFUSED_MAX_MS = 300000,
    KICK_MS = 1
};

struct report_in_flight {
    struct ag_list link;
    uint32_t id;
};

int32_t onenet_utc_offset(const struct onenet *o)
{
    time_t now = time(NULL);
    struct tm tm;

    if (o->conf.has_utc_offset)
        return o->conf.utc_offset_s;
    ag_local_time(now, &tm);
    return (int32_t) tm.tm_gmtoff;
}

void onenet_log_refused(struct onenet *o, const char *what, const char *why)
{
    unsigned held;

    if (ag_log_gate_pass(&o->refused_gate, uv_now(o->env->loop), &held))
        ag_log(AG_LOG_WARNING, "onenet: %s refused: %s (%u more not shown)", what, why, held);
}

/* ---- subscriptions ---- */

struct onenet_sub *onenet_sub_find(struct onenet *o, struct ag_span topic)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);

        if (ag_span_is(topic, s->topic, strlen(s->topic)))
            return s;
    }
    return NULL;
}

int onenet_sub_add(struct onenet *o, struct ag_span topic, uint8_t qos)
{
    struct onenet_sub *s = onenet_sub_find(o, topic);

    if (!s) {
        s = calloc(1, sizeof *s + topic.len + 1);
        if (!s)
            return -ENOMEM;
        memcpy(s->topic, topic.p, topic.len);
        ag_list_append(&o->subs, &s->link);
        o->n_subs++;
    }
    s->qos = qos;
    return 0;
}

void onenet_sub_remove(struct onenet *o, struct onenet_sub *s)
{
    ag_list_del(&s->link);
    o->n_subs--;
    free(s);
}

static int add_configured_subs(struct onenet *o)
{
    int r = 0;

    for (const char *p = o->conf.subscribe; p && r == 0;) {
        size_t len = strcspn(p, ",");

        r = onenet_sub_add(o, (struct ag_span){p, len}, 1);
        p = p[len] ? p + len + 1 : NULL;
    }
    if (r == 0 && o->conf.ota_topic)
        r = onenet_sub_add(o, (struct ag_span){o->conf.ota_topic, strlen(o->conf.ota_topic)}, 1);
    return r;
}

/* The platform keeps subscriptions of a session that is present; a new process asks once all the same. */
static void subscribe_all(struct onenet *o)
{
    ag_list_for_each (it, &o->subs) {
        struct onenet_sub *s = ag_list_entry(it, struct onenet_sub, link);
        int r = mqtt_link_subscribe(o->link, s->topic, s->qos, onenet_cookie(ONENET_COOKIE_RESUBSCRIBE, 0));

        if (r < 0)
            ag_log(AG_LOG_WARNING, "onenet: cannot subscribe to %s: %s", s->topic, strerror(-r));
    }
    o->subscribed_once = true;
}

/* ---- the session ---- */

static void try_connect(struct onenet *o)
{
    if (!o->stopping)
        mqtt_link_connect(o->link);
}

static void on_retry(uv_timer_t *t)
{
    try_connect(t->data);
}

static void send_unsent_answers(struct onenet *o)
{
    struct ag_span payload;

    for (;;) {
        ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT;
        struct mqtt_link_msg m = {.qos = o->conf.qos, .urgent = true};

        if (!onenet_commands_next_unsent(&o->commands, &topic, &payload))
            return;
        m.topic = ag_buf_cstr(&topic);
        m.payload = payload;
        if (m.topic)
            mqtt_link_publish(o->link, &m, 0);
    }
}

static void on_connected(void *user, bool session_present)
{
    struct onenet *o = user;

    backoff_reset(&o->after_cut);
    backoff_reset(&o->after_refusal);
    o->last_sent_ms = uv_now(o->env->loop);
    if (!session_present || !o->subscribed_once)
        subscribe_all(o);
    send_unsent_answers(o);
    o->env->events->connected(o->env->user);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct onenet *o = user;
    bool login = loss == MQTT_LINK_REFUSED && (code == 2 || code == 4 || code == 5);
    uint32_t pause = login ? backoff_next(&o->after_refusal) : backoff_next(&o->after_cut);

    if (o->stopping)
        return;
    if (loss == MQTT_LINK_ASKED)
        pause = KICK_MS;
    uv_timer_start(&o->retry, on_retry, pause, 0);
    o->env->events->lost(o->env->user, why);
}

/* ---- what comes in ---- */

static void publish_answer(struct onenet *o, struct ag_buf *topic, struct ag_span payload, uint64_t token)
{
    struct mqtt_link_msg m = {
        .topic = ag_buf_cstr(topic), .payload = payload, .qos = o->conf.qos, .urgent = true};
    int r = m.topic ? mqtt_link_publish(o->link, &m, 0) : -ENOMEM;

    o->last_sent_ms = uv_now(o->env->loop);
    if (r == 0)
        return;
    if (token)
        onenet_commands_unsent(&o->commands, token);
    onenet_log_refused(o, "answer",
                       r == -ENOTCONN ? "not connected; it is sent after the next login" : strerror(-r));
}

static void answer_again(struct onenet *o, struct ag_span uuid, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT;

    if (onenet_topic_answer(&topic, uuid) == 0)
        publish_answer(o, &topic, payload, 0);
}

static void take_command(struct onenet *o, struct ag_span uuid, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_span again;
    uint64_t token;
    int r = onenet_commands_take(&o->commands, uuid, payload, &text, &token, &again);

    switch (r) {
    case 0:
        o->env->events->command(o->env->user, token, ag_buf_span(&text), true);
        break;
    case ONENET_COMMAND_E_OPEN:
        break;
    case ONENET_COMMAND_E_ANSWERED:
        answer_again(o, uuid, again);
        break;
    case ONENET_COMMAND_E_TOO_LARGE:
        o->count.commands_refused++;
        onenet_log_refused(o, "command", "over 65535 bytes");
        answer_again(o, uuid,
                     AG_SPAN("{\"error\":{\"code\":-32600,\"message\":\"command over 65535 bytes\"}}"));
        break;
    default:
        o->count.commands_refused++;
        onenet_log_refused(o, "command", "out of memory");
        break;
    }
}

/* Bytes as the value of "payload", or of "base64" when they are no text. */
static int append_payload(struct ag_buf *out, struct ag_span payload)
{
    bool text = !memchr(payload.p, '\0', payload.len) && utf8_valid(payload);
    int r = ag_buf_append_str(out, text ? "\"payload\":" : "\"base64\":\"");

    if (r == 0)
        r = text ? ag_buf_append_json_str(out, payload.p, payload.len)
                 : base64_encode(out, payload.p, payload.len);
    return r == 0 && !text ? ag_buf_append_char(out, '"') : r;
}

static void take_message(struct onenet *o, const struct mqtt_link_msg *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_buf_append_str(&text, "{\"method\":\"onenet.message\",\"params\":{\"topic\":");

    if (r == 0)
        r = ag_buf_append_json_str(&text, m->topic, strlen(m->topic));
    if (r == 0)
        r = ag_buf_append_char(&text, ',');
    if (r == 0)
        r = append_payload(&text, m->payload);
    if (r == 0)
        r = ag_buf_printf(&text, ",\"qos\":%u,\"retain\":%s}}", m->qos, m->retain ? "true" : "false");
    if (r == 0)
        o->env->events->command(o->env->user, 0, ag_buf_span(&text), false);
    else
        onenet_log_refused(o, "message", "out of memory");
}

/* A firmware notice: a whole miIO.ota command, or its params. */
static void take_firmware_notice(struct onenet *o, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_json_view view;

    if (ag_json_parse(&payload, 64, &view) != 0) {
        onenet_log_refused(o, "firmware notice", "not a JSON object");
        return;
    }
    if (ag_view_has(&view, AG_M_METHOD)) {
        o->env->events->command(o->env->user, 0, payload, false);
        return;
    }
    if (ag_buf_append_str(&text, "{\"method\":\"miIO.ota\",\"params\":") == 0 &&
        ag_buf_append_span(&text, payload) == 0 && ag_buf_append_char(&text, '}') == 0)
        o->env->events->command(o->env->user, 0, ag_buf_span(&text), false);
}

/* Commands come without a subscription: everything is looked at here. */
static void on_message(void *user, const struct mqtt_link_msg *m)
{
    struct onenet *o = user;
    struct ag_span topic = {m->topic, strlen(m->topic)}, uuid;

    if (onenet_topic_is_command(topic, &uuid)) {
        take_command(o, uuid, m->payload);
    } else if (topic.len == 0 || topic.p[0] == '$') {
        o->count.messages_ignored++;
        onenet_log_refused(o, "message", "unknown reserved topic");
    } else if (o->conf.ota_topic && strcmp(o->conf.ota_topic, m->topic) == 0) {
        take_firmware_notice(o, m->payload);
    } else {
        take_message(o, m);
    }
}

/* ---- reports ---- */

static struct report_in_flight *find_in_flight(struct onenet *o, uint32_t id)
{
    ag_list_for_each (it, &o->in_flight) {
        struct report_in_flight *f = ag_list_entry(it, struct report_in_flight, link);

        if (f->id == id)
            return f;
    }
    return NULL;
}

static void report_done(struct onenet *o, uint32_t id, int result)
{
    struct report_in_flight *f = find_in_flight(o, id);

    if (!f)
        return;
    ag_list_del(&f->link);
    free(f);
    if (result == 0)
        o->env->events->acked(o->env->user, id, AG_SPAN("{\"result\":[\"ok\"]}"));
    else
        o->env->events->failed(o->env->user, id, true, -32002, "not connected");
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct onenet *o = user;

    switch ((enum onenet_cookie_kind)(cookie >> 32)) {
    case ONENET_COOKIE_REPORT:
        report_done(o, (uint32_t) cookie, result);
        break;
    case ONENET_COOKIE_CALL:
        onenet_method_done(o, (uint32_t) cookie, result);
        break;
    case ONENET_COOKIE_RESUBSCRIBE:
        if (result == MQTT_LINK_DONE_REFUSED)
            ag_log(AG_LOG_WARNING, "onenet: the platform refused a subscription");
        break;
    }
}

static int encode_error(struct onenet *o, int e)
{
    if (e <= 0 && e != -EINVAL)
        return e;
    o->count.reports_refused++;
    onenet_log_refused(o, "report",
                       e > 0 ? onenet_dp_strerror(e) : "not a report that data points can carry");
    return e == ONENET_DP_E_TOO_LARGE ? -EMSGSIZE : -EINVAL;
}

/* One that is still in the link's window is sent again by the link itself, with DUP: not twice from here. */
static int onenet_report(struct cloud *base, uint32_t report_id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct onenet *o = (struct onenet *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
    struct mqtt_link_msg m = {.topic = "$dp", .qos = o->conf.qos};
    struct report_in_flight *f;
    int r;

    if (repeat && find_in_flight(o, report_id))
        return 0;
    if (!mqtt_link_is_connected(o->link))
        return -ENOTCONN;
    r = onenet_report_encode(&payload, text, at_s, onenet_utc_offset(o));
    if (r == ONENET_DP_E_TOO_LARGE && at_s > 0) /* the times have made it so: without them it was promised a place */
        r = onenet_report_encode(&payload, text, 0, onenet_utc_offset(o));
    if (r != 0)
        return encode_error(o, r);
    f = calloc(1, sizeof *f);
    if (!f)
        return -ENOMEM;
    f->id = report_id;
    m.payload = ag_buf_span(&payload);
    r = mqtt_link_publish(o->link, &m, onenet_cookie(ONENET_COOKIE_REPORT, report_id));
    if (r < 0) {
        free(f);
        return r;
    }
    ag_list_append(&o->in_flight, &f->link);
    o->last_sent_ms = uv_now(o->env->loop);
    return 0;
}

static int onenet_carries(const struct device_conf *conf, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
    int r = onenet_report_encode(&payload, text, 0, 0);

    (void) conf;
    if (r == 0 || r == -ENOMEM)
        return r;
    return r == ONENET_DP_E_TOO_LARGE ? -EMSGSIZE : -EINVAL;
}

static int onenet_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct onenet *o = (struct onenet *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf topic = AG_BUF_INIT, payload = AG_BUF_INIT;
    int r = onenet_commands_answer(&o->commands, token, text, &topic, &payload);

    if (r < 0)
        return r;
    publish_answer(o, &topic, ag_buf_span(&payload), token);
    return 0;
}

/* ---- life ---- */

static void onenet_free(struct onenet *o)
{
    const struct cloud_env *env = o->env;

    while (!ag_list_empty(&o->subs))
        onenet_sub_remove(o, ag_list_first(&o->subs, struct onenet_sub, link));
    while (!ag_list_empty(&o->in_flight)) {
        struct report_in_flight *f = ag_list_first(&o->in_flight, struct report_in_flight, link);

        ag_list_del(&f->link);
        free(f);
    }
    onenet_commands_deinit(&o->commands);
    free(o);
    env->events->closed(env->user);
}

static void free_when_all_gone(struct onenet *o)
{
    if (o->link_gone && o->timer_gone && o->http_gone)
        onenet_free(o);
}

static void on_link_closed(void *user)
{
    struct onenet *o = user;

    o->link_gone = true;
    free_when_all_gone(o);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct onenet *o = h->data;

    o->timer_gone = true;
    free_when_all_gone(o);
}

void onenet_http_gone(struct onenet *o)
{
    o->http_gone = true;
    free_when_all_gone(o);
}

static const struct mqtt_link_events LINK_EVENTS = {on_connected, on_lost, on_message, on_done,
                                                    on_link_closed, NULL};

static int open_link(struct onenet *o)
{
    const struct onenet_conf *c = &o->conf;
    const struct mqtt_link_msg will = {.topic = c->will_topic,
                                       .payload = {c->will_payload, strlen(c->will_payload)},
                                       .qos = c->will_qos,
                                       .retain = c->will_retain};
    const struct mqtt_link_config config = {
        .host = c->server.host,
        .port = c->server.port,
        .keepalive_s = c->keepalive_s,
        .client_id = c->device_id,
        .user = c->product_id,
        .password = c->password,
        .clean_session = c->clean_session,
        .will = c->will_topic ? &will : NULL,
    };

    return mqtt_link_open(&o->link, o->env->loop, &config, NULL, &LINK_EVENTS, o);
}

static int onenet_check(const struct device_conf *conf, char *why, size_t n)
{
    struct onenet_conf c;

    return onenet_conf_read(conf, &c, why, n);
}

static void init_fields(struct onenet *o, const struct cloud_env *env)
{
    uint32_t seed = (uint32_t) uv_hrtime();

    o->base.ops = &cloud_onenet_ops;
    o->env = env;
    ag_list_init(&o->subs);
    ag_list_init(&o->in_flight);
    ag_list_init(&o->calls);
    onenet_commands_init(&o->commands);
    backoff_init(&o->after_cut, 0, CUT_STEP_MS, CUT_MAX_MS, seed);
    backoff_init(&o->after_refusal, REFUSED_FIRST_MS, 0, REFUSED_MAX_MS, seed);
    o->refused_gate.burst = 10;
    o->refused_gate.period_ms = 60000;
}

/* What fails here has opened nothing: the timer is only made when the rest stands. */
static int onenet_create(struct cloud **out, const struct cloud_env *env)
{
    struct onenet *o = calloc(1, sizeof *o);
    char why[128];
    int r;

    if (!o)
        return -ENOMEM;
    init_fields(o, env);
    r = onenet_conf_read(env->conf, &o->conf, why, sizeof why);
    if (r == 0)
        r = add_configured_subs(o);
    if (r == 0)
        r = open_link(o);
    if (r < 0) {
        while (!ag_list_empty(&o->subs))
            onenet_sub_remove(o, ag_list_first(&o->subs, struct onenet_sub, link));
        free(o);
        return r;
    }
    uv_timer_init(env->loop, &o->retry);
    o->retry.data = o;
    *out = &o->base;
    return 0;
}

static void onenet_start(struct cloud *base)
{
    try_connect((struct onenet *) base);
}

static void onenet_stop(struct cloud *base)
{
    struct onenet *o = (struct onenet *) base;

    if (o->stopping)
        return;
    o->stopping = true;
    onenet_method_fail_all(o, -32003, "shutting down");
    uv_close((uv_handle_t *) &o->retry, on_timer_closed);
    o->http_gone = onenet_http_close(o);
    mqtt_link_close(o->link);
}

static void onenet_kick(struct cloud *base)
{
    struct onenet *o = (struct onenet *) base;

    if (o->stopping)
        return;
    backoff_reset(&o->after_cut);
    backoff_reset(&o->after_refusal);
    if (mqtt_link_disconnect(o->link) == -ENOTCONN)
        uv_timer_start(&o->retry, on_retry, KICK_MS, 0);
}

static unsigned onenet_wakeup_s(struct cloud *base)
{
    struct onenet *o = (struct onenet *) base;
    struct mqtt_link_stats st;
    uint64_t idle_s = (uv_now(o->env->loop) - o->last_sent_ms) / 1000;

    mqtt_link_get_stats(o->link, &st);
    if (uv_is_active((uv_handle_t *) &o->retry))
        return (unsigned) ((uv_timer_get_due_in(&o->retry) + 999) / 1000);
    if (!mqtt_link_is_connected(o->link) || st.in_window > 0 || !ag_list_empty(&o->calls))
        return 0;
    return idle_s + 1 < o->conf.keepalive_s ? (unsigned) (o->conf.keepalive_s - idle_s) : 1;
}

static void onenet_counters(const struct cloud *base, cloud_tell_fn *tell)
{
    const struct onenet *o = (const struct onenet *) base;

    tell("cloud.refused.reports", o->count.reports_refused);
    tell("cloud.refused.commands", o->count.commands_refused);
    tell("cloud.refused.messages", o->count.messages_ignored);
    tell("cloud.refused.calls", o->count.calls_refused);
    cloud_tell_link(o->link, tell);
}

const struct cloud_ops cloud_onenet_ops = {
    .name = "onenet",
    .check = onenet_check,
    .create = onenet_create,
    .start = onenet_start,
    .stop = onenet_stop,
    .report = onenet_report,
    .carries = onenet_carries,
    .answer = onenet_answer,
    .local_method = onenet_local_method,
    .kick = onenet_kick,
    .wakeup_s = onenet_wakeup_s,
    .counters = onenet_counters,
};
