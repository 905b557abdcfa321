/* SPDX-License-Identifier: MIT */
/*
 * OneNET, the MQTT generation with $dp, $creq and $crsp. The connection, reports, start and end.
 * Source: OneNET MQTT access document.
 */
#include "client/cloud/onenet/onenet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "client/cloud/link_counters.h"
#include "client/cloud/onenet/onenet_model.h"
#include "client/cloud/onenet/onenet_priv.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/local_time.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

enum {
    CUT_STEP_MS = 1000, /* the first reconnect is at once, then the pause grows */
    CUT_MAX_MS = 60000
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
    ag_log_gated(&o->refused_gate, uv_now(o->env->loop), AG_LOG_WARNING, "onenet: %s refused: %s", what, why);
}

static int add_configured_subs(struct onenet *o)
{
    int r = 0;

    for (const char *p = o->conf.subscribe; p && r == 0;) {
        size_t len = strcspn(p, ",");

        r = onenet_sub_add(o, (struct ag_span){p, len}, 1, false);
        p = p[len] ? p + len + 1 : NULL;
    }
    if (r == 0 && o->conf.ota_topic)
        r = onenet_sub_add(o, (struct ag_span){o->conf.ota_topic, strlen(o->conf.ota_topic)}, 1, false);
    return r;
}

/* ---- the session ---- */

static void try_connect(struct onenet *o)
{
    broker_session_tries(&o->broker);
    if (!o->broker.stopping)
        mqtt_link_connect(o->link);
}

static void on_retry(uv_timer_t *t)
{
    try_connect(t->data);
}

static void on_due(uv_timer_t *t)
{
    struct onenet *o = t->data;
    uint64_t now = uv_now(o->env->loop);

    if (o->broker.stopping)
        return;
    if (o->broker.reconnect.up)
        onenet_subs_overdue(o, now);
    onenet_method_expire(o, now);
    onenet_rearm(o);
}

void onenet_rearm(struct onenet *o)
{
    uint64_t at = onenet_method_due_ms(o);

    if (o->broker.stopping)
        return;
    if (o->broker.reconnect.up)
        at = ag_earlier(at, onenet_subs_due_ms(o));
    ag_timer_at(&o->due, on_due, at);
}

static void on_connected(void *user)
{
    struct onenet *o = user;

    broker_session_up(&o->broker, uv_now(o->env->loop));
    onenet_subs_begin(o);
    onenet_answers_send(o);
    o->env->events->connected(o->env->user);
}

static uint32_t next_pause(struct onenet *o, enum broker_end how)
{
    bool suspect;
    uint32_t pause = broker_session_down(&o->broker, how, uv_now(o->env->loop), &suspect);

    if (suspect)
        ag_log(AG_LOG_ERROR, "onenet: %d sessions in a row ended soon after login: does another device use the device id %s?",
               RECONNECT_SHORT_MAX, o->conf.device_id);
    return pause;
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct onenet *o = user;
    enum broker_end how = cloud_link_end_of(loss, code);
    uint32_t pause;

    if (o->broker.stopping)
        return;
    if (o->broker.reconnect.up)
        onenet_subs_lost(o, how != BROKER_LEFT, uv_now(o->env->loop));
    pause = next_pause(o, how);
    onenet_rearm(o);
    uv_timer_start(&o->retry, on_retry, pause, 0);
    cloud_past_note_link(&o->past, loss, code, why, uv_now(o->env->loop));
    o->past.n_short = o->broker.reconnect.n_short;
    o->env->events->lost(o->env->user, why);
}

static void on_room(void *user)
{
    struct onenet *o = user;

    onenet_answers_send(o);
    if (o->env->events->room)
        o->env->events->room(o->env->user);
}

/* ---- reports ---- */

static void report_done(struct onenet *o, uint32_t id, int result)
{
    if (!broker_report_ended(&o->broker, id))
        return;
    if (result == 0)
        o->env->events->acked(o->env->user, id, AG_SPAN("{\"result\":[\"ok\"]}"));
    else
        o->env->events->failed(o->env->user, id, true, AG_CODE_NOT_CONNECTED, "not connected");
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
        onenet_sub_answered(o, (uint32_t) cookie, result);
        break;
    case ONENET_COOKIE_ANSWER:
        answer_box_done(&o->answers, (uint32_t) cookie, result == 0);
        break;
    }
}

static int encode_error(struct onenet *o, int e)
{
    if (e <= 0 && e != -EINVAL)
        return e;
    o->count.reports_refused++;
    onenet_log_refused(o, "report", e > 0 ? onenet_dp_strerror(e) : "not a report that data points can carry");
    return e == ONENET_DP_E_TOO_LARGE ? -EMSGSIZE : -EINVAL;
}

/* One that is still in the link's window is sent again by the link itself, with DUP: not twice from here. */
static bool onenet_has_room(struct cloud *c)
{
    return mqtt_link_has_room(((struct onenet *) c)->link);
}

static int onenet_report(struct cloud *base, uint32_t report_id, struct ag_span text, const struct ag_json_view *view,
                         uint32_t at_s, bool repeat)
{
    struct onenet *o = (struct onenet *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
    struct mqtt_link_msg m = {.topic = "$dp", .qos = o->conf.qos};
    int r;

    (void) view;
    if (repeat && broker_report_is_given(&o->broker, report_id))
        return 0;
    if (!mqtt_link_is_connected(o->link))
        return -ENOTCONN;
    r = onenet_report_encode(&payload, text, at_s, onenet_utc_offset(o), o->names);
    if (r == ONENET_DP_E_TOO_LARGE) /* times or names have made it too large: without them it would fit */
        r = onenet_report_encode(&payload, text, 0, onenet_utc_offset(o), NULL);
    if (r != 0)
        return encode_error(o, r);
    r = broker_report_given(&o->broker, report_id);
    if (r < 0)
        return r;
    m.payload = ag_buf_span(&payload);
    r = mqtt_link_publish(o->link, &m, onenet_cookie(ONENET_COOKIE_REPORT, report_id));
    if (r < 0)
        broker_report_ended(&o->broker, report_id);
    else
        broker_session_sent(&o->broker, uv_now(o->env->loop));
    return r;
}

static int onenet_carries(const struct device_conf *conf, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
    int r = onenet_report_encode(&payload, text, 0, 0, NULL);

    (void) conf;
    if (r == 0 || r == -ENOMEM)
        return r;
    return r == ONENET_DP_E_TOO_LARGE ? -EMSGSIZE : -EINVAL;
}

/* ---- life ---- */

static void onenet_free(struct onenet *o)
{
    const struct cloud_env *env = o->env;

    while (!ag_list_empty(&o->subs))
        onenet_sub_remove(o, ag_list_first(&o->subs, struct onenet_sub, link));
    broker_session_deinit(&o->broker);
    onenet_commands_deinit(&o->commands);
    answer_box_deinit(&o->answers);
    onenet_model_free(o->names);
    free(o);
    env->events->closed(env->user);
}

static void on_link_closed(void *user)
{
    struct onenet *o = user;

    if (broker_session_closed(&o->broker))
        onenet_free(o);
}

static void on_timer_closed(uv_handle_t *h)
{
    on_link_closed(h->data);
}

void onenet_http_gone(struct onenet *o)
{
    on_link_closed(o);
}

static const struct mqtt_link_events LINK_EVENTS = {
    .connected = on_connected,
    .lost = on_lost,
    .message = onenet_on_message,
    .done = on_done,
    .closed = on_link_closed,
    .room = on_room,
};

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
    o->base.ops = &cloud_onenet_ops;
    o->env = env;
    ag_list_init(&o->subs);
    ag_list_init(&o->calls);
    onenet_commands_init(&o->commands);
    answer_box_init(&o->answers);
    broker_session_init(&o->broker, 0, CUT_STEP_MS, CUT_MAX_MS, (uint32_t) uv_hrtime());
    o->refused_gate.burst = 10;
    o->refused_gate.period_ms = 60000;
}

static void open_timer(struct onenet *o, uv_timer_t *t)
{
    uv_timer_init(o->env->loop, t);
    t->data = o;
    broker_session_opened(&o->broker);
}

/* What fails here has opened nothing: the timer is only made once the rest is set up. */
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
    if (o->conf.model)
        o->names = onenet_model_read(o->conf.model);
    broker_session_opened(&o->broker); /* the link */
    open_timer(o, &o->retry);
    open_timer(o, &o->due);
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

    if (!broker_session_stop(&o->broker))
        return;
    onenet_method_fail_all(o, AG_CODE_SHUTTING_DOWN, "shutting down");
    if (answer_box_next(&o->answers))
        ag_log(AG_LOG_WARNING, "onenet: %u answers were not sent", o->answers.n);
    uv_close((uv_handle_t *) &o->retry, on_timer_closed);
    uv_close((uv_handle_t *) &o->due, on_timer_closed);
    broker_session_opened(&o->broker); /* the HTTP requests */
    if (onenet_http_close(o))
        broker_session_closed(&o->broker); /* there were none; the link is still open */
    mqtt_link_close(o->link);
}

static void onenet_kick(struct cloud *base)
{
    struct onenet *o = (struct onenet *) base;

    if (o->broker.stopping)
        return;
    broker_session_kicked(&o->broker);
    onenet_subs_reset(o);
    if (mqtt_link_disconnect(o->link) == -ENOTCONN)
        uv_timer_start(&o->retry, on_retry, broker_session_soon(&o->broker, uv_now(o->env->loop)), 0);
}

static uint64_t onenet_next_try_ms(const struct cloud *base)
{
    const struct onenet *o = (const struct onenet *) base;

    return broker_session_next_try_ms(&o->broker, uv_now(o->env->loop));
}

static unsigned onenet_wakeup_s(struct cloud *base)
{
    struct onenet *o = (struct onenet *) base;
    struct mqtt_link_stats st;

    mqtt_link_get_stats(o->link, &st);
    return broker_session_wakeup_s(&o->broker, uv_now(o->env->loop), o->conf.keepalive_s * 1000u,
                                   st.in_window > 0 || o->answers.n + o->answers.n_open > 0 || !ag_list_empty(&o->calls));
}

static const struct counter counters[] = {
    COUNTER("cloud.refused.reports", struct onenet, count.reports_refused),
    COUNTER("cloud.repeats", struct onenet, commands.n_repeated),
    COUNTER("cloud.refused.messages", struct onenet, count.messages_ignored),
    COUNTER("cloud.refused.calls", struct onenet, count.calls_refused),
};

static void onenet_counters(const struct cloud *base, counter_fn *tell, void *user)
{
    const struct onenet *o = (const struct onenet *) base;

    counters_tell(counters, o, tell, user);
    cloud_tell_broker(&o->broker, &o->answers, o->link, tell, user);
}

static void onenet_facts(const struct cloud *base, struct cloud_facts *out)
{
    const struct onenet *o = (const struct onenet *) base;

    cloud_link_facts(o->link, out);
    cloud_facts_server(out, o->conf.server.host, o->conf.server.port);
    out->past = o->past;
    out->in_flight = o->broker.n_reports;
    if (o->broker.reconnect.up)
        onenet_subs_refused(o, out);
}

const struct cloud_ops cloud_onenet_ops = {
    .name = "onenet",
    .place = CLOUD_ONENET,
    .check = onenet_check,
    .create = onenet_create,
    .start = onenet_start,
    .stop = onenet_stop,
    .report = onenet_report,
    .has_room = onenet_has_room,
    .carries = onenet_carries,
    .answer = onenet_answer,
    .local_method = onenet_local_method,
    .kick = onenet_kick,
    .wakeup_s = onenet_wakeup_s,
    .next_try_ms = onenet_next_try_ms,
    .counters = onenet_counters,
    .facts = onenet_facts,
};
