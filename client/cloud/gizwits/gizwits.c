/* SPDX-License-Identifier: MIT */
/* The session with Gizwits' servers, reports, start and end. */
#include "client/cloud/gizwits/gizwits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "client/cloud/gizwits/gizwits_priv.h"
#include "client/cloud/link_counters.h"
#include "libagent/core/codes.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/io/file.h"
#include "libagent/io/timer_at.h"
#include "libagent/core/deadline.h"

enum { STORE_FILE_MAX = 4096, PASSCODE_LEN = 10 };

void gizwits_log_dropped(struct gizwits *g, const char *what, const char *why)
{
    ag_log_gated(&g->gate, uv_now(g->env->loop), AG_LOG_WARNING, "gizwits: %s dropped: %s", what, why);
}

bool gizwits_online(const struct gizwits *g)
{
    return g->session.phase == GIZWITS_PH_ONLINE;
}

/* ---- what is kept ---- */

int gizwits_save(struct gizwits *g)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    int r = gizwits_store_print(&g->store, &text);

    if (r == 0)
        r = ag_file_write_atomic(g->store_path, ag_buf_head(&text), ag_buf_size(&text), 0600);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "gizwits: identity not saved: %s", strerror(-r));
    return r;
}

static void load(struct gizwits *g)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;

    if (ag_file_read(g->store_path, STORE_FILE_MAX, &text) < 0)
        return;
    if (gizwits_store_parse(ag_buf_span(&text), &g->store) < 0)
        ag_log(AG_LOG_WARNING, "gizwits: %s is incomplete: registering again", g->store_path);
}

/* Bytes that would favour some letters are thrown away. */
static int make_passcode(char out[PASSCODE_LEN + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const unsigned n_letters = sizeof letters - 1, fair = 256 - 256 % n_letters;
    unsigned n = 0;

    while (n < PASSCODE_LEN) {
        uint8_t byte;

        if (getrandom(&byte, 1, 0) != 1)
            return -errno;
        if (byte < fair)
            out[n++] = letters[byte % n_letters];
    }
    out[n] = '\0';
    return 0;
}

/* The passcode is made once per identity, and saved before anybody is told. */
static int need_passcode(struct gizwits *g)
{
    int r;

    if (g->store.passcode[0])
        return 0;
    r = make_passcode(g->store.passcode);
    return r < 0 ? r : gizwits_save(g);
}

/* ---- reports under way ---- */

static void end_reports(struct gizwits *g)
{
    uint32_t id;

    while ((id = broker_report_take(&g->broker)) != 0)
        g->env->events->failed(g->env->user, id, true, AG_CODE_NOT_CONNECTED, "not connected");
}

void gizwits_report_done(struct gizwits *g, uint32_t id, int result)
{
    if (!broker_report_ended(&g->broker, id))
        return;
    if (result == 0)
        g->env->events->acked(g->env->user, id, AG_SPAN("{\"result\":[\"ok\"]}"));
    else
        g->env->events->failed(g->env->user, id, true, AG_CODE_NOT_CONNECTED, "not connected");
}

/* ---- carrying out decisions ---- */

static void drop(struct gizwits *g)
{
    ag_http_cancel(g->web);
    g->web = NULL;
    uv_timer_stop(&g->pause);
    gizwits_link_drop(g);
    end_reports(g);
}

static void on_pause_over(uv_timer_t *t)
{
    struct gizwits *g = t->data;

    gizwits_do(g, gizwits_session_on_pause_over(&g->session));
}

static void ask_apps(struct gizwits *g)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ASK_APPS};
    ag_cleanup(ag_buf_deinit) struct ag_buf frame = AG_BUF_INIT;

    if (!g->conf.ask_apps)
        return;
    if (gizwits_frame_build(&f, &frame) != 0 ||
        gizwits_publish_bytes(g, g->conf.request_topic, ag_buf_span(&frame), true, 0) != 0)
        g->count.unsent++;
}

/* fw_ver of what the client tells about the device. */
static void learn_version(struct gizwits *g)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf info = AG_BUF_SECRET_INIT, version = AG_BUF_INIT;
    struct ag_span raw;

    if (!g->env->device_info || g->env->device_info(g->env->user, &info) < 0)
        return;
    raw = ag_json_get(ag_buf_span(&info), "fw_ver");
    if (raw.p && ag_json_append_text(&version, raw) == 0 && ag_buf_size(&version) <= GIZWITS_VERSION_MAX)
        snprintf(g->soft_version, sizeof g->soft_version, "%.*s", (int) ag_buf_size(&version), ag_buf_head(&version));
}

static void check_firmware_once(struct gizwits *g)
{
    learn_version(g);
    for (int type = GIZWITS_FW_WIFI; type <= GIZWITS_FW_MCU; type++) {
        bool known = type == GIZWITS_FW_WIFI || g->conf.soft_version[type - 1];

        if (!known || g->ota_checked[type - 1])
            continue;
        g->ota_checked[type - 1] = true;
        gizwits_check_firmware(g, type);
    }
}

static void online(struct gizwits *g)
{
    g->refused[0] = '\0';
    ag_log(AG_LOG_INFO, "gizwits: session as %s", g->link_did);
    g->env->events->connected(g->env->user);
    gizwits_answers_send(g);
    ask_apps(g);
    check_firmware_once(g);
    gizwits_send_log(g, GIZWITS_LOG_INFO, "session", "connected");
}

static int carry_out(struct gizwits *g, const struct gizwits_decision *d)
{
    switch (d->what) {
    case GIZWITS_DO_NOTHING:
        return 0;
    case GIZWITS_DO_PAUSE:
        ag_log(AG_LOG_DEBUG, "gizwits: next try in %u ms", (unsigned) d->n);
        return uv_timer_start(&g->pause, on_pause_over, d->n, 0);
    case GIZWITS_DO_DISABLE:
        return gizwits_disable(g);
    case GIZWITS_DO_REGISTER: {
        int r = need_passcode(g);

        return r < 0 ? r : gizwits_register(g);
    }
    case GIZWITS_DO_PROVISION:
        return gizwits_provision(g);
    case GIZWITS_DO_CONNECT:
        return gizwits_link_connect(g);
    case GIZWITS_DO_SUBSCRIBE:
        return gizwits_link_subscribe(g, d->n);
    case GIZWITS_DO_ONLINE:
        online(g);
        return 0;
    }
    return 0;
}

/* What cannot even begin has failed: the session decides about the pause. */
static struct gizwits_decision cannot_begin(struct gizwits *g, enum gizwits_do what)
{
    uint64_t now = uv_now(g->env->loop);

    switch (what) {
    case GIZWITS_DO_DISABLE:
        return gizwits_session_on_disabled(&g->session, false, now);
    case GIZWITS_DO_REGISTER:
        return gizwits_session_on_registered(&g->session, NULL, now);
    case GIZWITS_DO_PROVISION:
        return gizwits_session_on_provision(&g->session, GIZWITS_PROVISION_FAILED, NULL, now);
    default:
        return gizwits_session_on_lost(&g->session, now);
    }
}

void gizwits_do(struct gizwits *g, struct gizwits_decision d)
{
    bool pauses = d.what == GIZWITS_DO_PAUSE;
    int r = 0;

    if (g->broker.stopping)
        return;
    if (d.save)
        gizwits_save(g);
    if (d.drop)
        drop(g);
    if (pauses) /* first: whoever is told about the loss asks when the next try is */
        r = carry_out(g, &d);
    if (d.lost) {
        end_reports(g);
        g->env->events->lost(g->env->user, "session lost");
    }
    if (!pauses)
        r = carry_out(g, &d);
    if (r >= 0)
        return;
    ag_log(AG_LOG_WARNING, "gizwits: cannot go on: %s", strerror(-r));
    d = cannot_begin(g, d.what);
    if (d.what == GIZWITS_DO_PAUSE)
        carry_out(g, &d);
}

/* ---- reports ---- */

static int gizwits_report(struct cloud *base, uint32_t report_id, struct ag_span text, const struct ag_json_view *view,
                          uint32_t at_s, bool repeat)
{
    struct gizwits *g = (struct gizwits *) base;
    struct gizwits_frame f = {.cmd = GIZWITS_TO_APP, .p0 = text};
    int r;

    (void) view;
    (void) at_s; /* a frame has no place for it */
    (void) repeat;
    if (!gizwits_online(g))
        return -ENOTCONN;
    r = broker_report_given(&g->broker, report_id);
    if (r < 0)
        return r;
    r = gizwits_publish(g, "", &f, gizwits_cookie(GIZWITS_COOKIE_REPORT, report_id));
    if (r == 0) {
        gizwits_watch_report(g, text);
        return 0;
    }
    broker_report_ended(&g->broker, report_id);
    if (r < 0)
        return r;
    g->count.reports_refused++;
    gizwits_log_dropped(g, "report", gizwits_frame_error(r));
    return r == GIZWITS_E_LIMIT ? -EMSGSIZE : -EINVAL;
}

static int gizwits_carries(const struct device_conf *conf, struct ag_span text)
{
    (void) conf;
    return text.len > GIZWITS_P0_MAX ? -EMSGSIZE : 0;
}

/* ---- acknowledgements ---- */

static void on_ack_timer(uv_timer_t *t)
{
    struct gizwits *g = t->data;
    uint64_t now = uv_now(g->env->loop);
    struct gizwits_out *o;
    bool give_up;

    while ((o = gizwits_outs_due(&g->outs, now, &give_up))) {
        char topic[GIZWITS_TOPIC_MAX];

        if (give_up)
            gizwits_method_gave_up(o, AG_CODE_NO_ACK, "no acknowledgement");
        else if (gizwits_publish_bytes(g, gizwits_topic_to_app(g->link_did, o->app, topic), ag_buf_span(&o->frame), true, 0) != 0)
            g->count.unsent++;
    }
    gizwits_method_expire(g, now);
    gizwits_rearm(g);
}

void gizwits_rearm(struct gizwits *g)
{
    if (!g->broker.stopping)
        ag_timer_at(&g->ack_timer, on_ack_timer, ag_earlier(gizwits_outs_deadline(&g->outs), gizwits_method_deadline(g)));
}

/* ---- life ---- */

static void gizwits_free(struct gizwits *g)
{
    const struct cloud_env *env = g->env;

    gizwits_forget_commands(g);
    answer_box_deinit(&g->answers);
    gizwits_seen_deinit(&g->seen);
    gizwits_outs_deinit(&g->outs);
    free(g->store_path);
    explicit_bzero(&g->store, sizeof g->store);
    free(g);
    env->events->closed(env->user);
}

void gizwits_put(struct gizwits *g)
{
    if (broker_session_closed(&g->broker))
        gizwits_free(g);
}

static void on_http_closed(void *user)
{
    gizwits_put(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    gizwits_put(h->data);
}

static int gizwits_check(const struct device_conf *conf, char *why, size_t n)
{
    struct gizwits_conf c;

    return gizwits_conf_read(conf, &c, why, n);
}

static void init_fields(struct gizwits *g, const struct cloud_env *env)
{
    g->base.ops = &cloud_gizwits_ops;
    g->env = env;
    answer_box_init(&g->answers);
    broker_session_init_steps(&g->broker, g->conf.retry_ms, g->conf.retry_max_ms);
    ag_list_init(&g->calls);
    ag_list_init(&g->fw_calls);
    gizwits_seen_init(&g->seen);
    gizwits_outs_init(&g->outs, g->conf.ack_wait_ms);
    gizwits_session_init(&g->session, &g->store, &g->broker);
    g->gate.burst = 10;
    g->gate.period_ms = 60000;
}

static void open_timer(struct gizwits *g, uv_timer_t *t)
{
    uv_timer_init(g->env->loop, t);
    t->data = g;
    broker_session_opened(&g->broker);
}

static int gizwits_create(struct cloud **out, const struct cloud_env *env)
{
    struct gizwits *g = calloc(1, sizeof *g);
    char why[128];
    int r;

    if (!g)
        return -ENOMEM;
    r = gizwits_conf_read(env->conf, &g->conf, why, sizeof why);
    if (r == 0 && asprintf(&g->store_path, "%sgizwits.state", env->data_dir) < 0) {
        g->store_path = NULL;
        r = -ENOMEM;
    }
    if (r == 0)
        r = ag_http_new(&g->http, env->loop);
    if (r < 0) {
        free(g->store_path);
        free(g);
        return r;
    }
    init_fields(g, env);
    broker_session_opened(&g->broker); /* HTTP */
    open_timer(g, &g->pause);
    open_timer(g, &g->ack_timer);
    load(g);
    *out = &g->base;
    return 0;
}

static void gizwits_start(struct cloud *base)
{
    struct gizwits *g = (struct gizwits *) base;

    gizwits_do(g, gizwits_session_start(&g->session));
}

static void gizwits_stop(struct cloud *base)
{
    struct gizwits *g = (struct gizwits *) base;

    if (g->broker.stopping)
        return;
    gizwits_method_fail_all(g, AG_CODE_SHUTTING_DOWN, "shutting down");
    if (answer_box_next(&g->answers))
        ag_log(AG_LOG_WARNING, "gizwits: %u answers were not sent", g->answers.n);
    broker_session_stop(&g->broker);
    gizwits_session_stop(&g->session);
    broker_session_deinit(&g->broker);
    gizwits_save(g); /* the serial number */
    uv_close((uv_handle_t *) &g->pause, on_timer_closed);
    uv_close((uv_handle_t *) &g->ack_timer, on_timer_closed);
    ag_http_close(g->http, on_http_closed, g);
    gizwits_web_closed(g);
    mqtt_link_close(g->link);
}

static void gizwits_kick(struct cloud *base)
{
    struct gizwits *g = (struct gizwits *) base;

    gizwits_do(g, gizwits_session_kick(&g->session, uv_now(g->env->loop)));
}

static unsigned gizwits_wakeup_s(struct cloud *base)
{
    struct gizwits *g = (struct gizwits *) base;
    bool busy = g->outs.n > 0 || g->answers.n + g->answers.n_open > 0 || !ag_list_empty(&g->calls) || g->broker.n_reports > 0;

    return broker_session_wakeup_s(&g->broker, uv_now(g->env->loop), g->conf.heartbeat_ms, busy);
}

static void gizwits_forget(struct cloud *base)
{
    struct gizwits *g = (struct gizwits *) base;
    char passcode[PASSCODE_LEN + 1];

    if (make_passcode(passcode) < 0)
        return;
    gizwits_forget_commands(g);
    answer_box_clear(&g->answers);
    gizwits_seen_deinit(&g->seen);
    g->offered = 0;
    gizwits_do(g, gizwits_session_forget(&g->session, passcode, uv_now(g->env->loop)));
    explicit_bzero(passcode, sizeof passcode);
}

static const struct counter counters[] = {
    COUNTER("cloud.dropped.header", struct gizwits, count.dropped[GIZWITS_E_HEADER]),
    COUNTER("cloud.dropped.length", struct gizwits, count.dropped[GIZWITS_E_LENGTH]),
    COUNTER("cloud.dropped.flag", struct gizwits, count.dropped[GIZWITS_E_FLAG]),
    COUNTER("cloud.dropped.command", struct gizwits, count.dropped[GIZWITS_E_COMMAND]),
    COUNTER("cloud.dropped.body", struct gizwits, count.dropped[GIZWITS_E_BODY]),
    COUNTER("cloud.dropped.limit", struct gizwits, count.dropped[GIZWITS_E_LIMIT]),
    COUNTER("cloud.dropped.value", struct gizwits, count.dropped[GIZWITS_E_VALUE]),
    COUNTER("cloud.dropped.topic", struct gizwits, count.unknown_topic),
    COUNTER("cloud.dropped.unexpected", struct gizwits, count.unexpected),
    COUNTER("cloud.repeats", struct gizwits, count.repeated),
    COUNTER("cloud.stray_acks", struct gizwits, count.stray_acks),
    COUNTER("cloud.refused.reports", struct gizwits, count.reports_refused),
    COUNTER("cloud.refused.calls", struct gizwits, count.calls_refused),
    COUNTER("cloud.unsent", struct gizwits, count.unsent),
};

static void gizwits_counters(const struct cloud *base, counter_fn *tell, void *user)
{
    const struct gizwits *g = (const struct gizwits *) base;

    counters_tell(counters, g, tell, user);
    cloud_tell_broker(&g->broker, &g->answers, g->link, tell, user);
}

static uint64_t gizwits_next_try_ms(const struct cloud *base)
{
    const struct gizwits *g = (const struct gizwits *) base;

    return broker_session_next_try_ms(&g->broker, uv_now(g->env->loop));
}

static void gizwits_facts(const struct cloud *base, struct cloud_facts *out)
{
    const struct gizwits *g = (const struct gizwits *) base;

    if (g->link)
        cloud_link_facts(g->link, out);
    if (g->session.m2m.host[0])
        cloud_facts_server(out, g->session.m2m.host, g->session.m2m.port);
    out->past = g->past;
    out->past.n_short = g->broker.reconnect.n_short;
    out->in_flight = g->broker.n_reports;
    cloud_facts_refused(out, g->refused, sub_ladder_word(g->refused_how));
}

const struct cloud_ops cloud_gizwits_ops = {
    .name = "gizwits",
    .place = CLOUD_GIZWITS,
    .check = gizwits_check,
    .create = gizwits_create,
    .start = gizwits_start,
    .stop = gizwits_stop,
    .report = gizwits_report,
    .carries = gizwits_carries,
    .answer = gizwits_answer,
    .local_method = gizwits_local_method,
    .kick = gizwits_kick,
    .wakeup_s = gizwits_wakeup_s,
    .forget = gizwits_forget,
    .counters = gizwits_counters,
    .next_try_ms = gizwits_next_try_ms,
    .facts = gizwits_facts,
};
