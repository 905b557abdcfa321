/*
 * The mqtt cloud. With P = mqtt_prefix and D = the did:
 *
 *   P/D/command      to the device: {"id"?,"method","params"}; retained ones are dropped, they would be executed again
 *   P/D/command_ack  {"id",...}: the answer to a command that had an id
 *   P/D/report       reports as applications wrote them, under an id of the client's own, the same one on repeats
 *   P/D/status       retained: "online" after each login (birth), "offline" as the will and at the end
 *   P/D/state        retained: the last value of each reported property
 *
 * and Home Assistant's discovery messages when a list of properties is given (client/core/ha_discovery.h). Commands are
 * subscribed with QoS 2: who publishes them with QoS 2 has each executed exactly once.
 */
#include "client/cloud/mqtt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/link_counters.h"
#include "client/cloud/mqtt_conf.h"
#include "client/core/backoff.h"
#include "client/core/ha_discovery.h"
#include "client/core/prop_state.h"
#include "client/io/mqtt_link.h"
#include "libagent/core/list.h"
#include "libagent/core/log.h"
#include "libagent/core/message.h"
#include "libagent/io/file.h"

enum {
    FIRST_MS = 500,
    MAX_MS = 60000,
    REFUSED_FIRST_MS = 10000,
    REFUSED_MAX_MS = 300000,
    KICK_MS = 1,
    OPEN_COMMANDS_MAX = 1024,
    COMMAND_MAX = 1 << 20,
    DEPTH_MAX = 128
};

enum topic { T_COMMAND, T_COMMAND_ACK, T_REPORT, T_STATUS, T_STATE, N_TOPICS };

static const char *const topic_names[N_TOPICS] = {"command", "command_ack", "report", "status", "state"};

enum { COOKIE_REPORT = 1 };

struct open_command {
    struct ag_list link;
    uint64_t token;
    struct ag_buf answer; /* not empty: it waits for the next login */
    size_t id_len;
    char id[]; /* as it stood in the command */
};

struct in_flight {
    struct ag_list link;
    uint32_t id;
};

struct mqtt_cloud {
    struct cloud base;
    const struct cloud_env *env;
    struct mqtt_conf conf;
    struct mqtt_link *link;
    uv_timer_t retry;
    struct backoff after_cut, after_refusal;
    char client_id[64], did[24];
    char *topics[N_TOPICS];
    struct ag_list commands; /* struct open_command */
    unsigned n_commands;
    uint64_t next_token;
    struct ag_list in_flight; /* struct in_flight: reports in the link's window */
    struct prop_state state;
    struct ag_log_gate gate;
    uint64_t n_refused_commands, n_refused_properties, last_sent_ms;
    unsigned server; /* of conf.servers, in use or tried next */
    bool stopping, link_gone, timer_gone;
};

static void log_refused(struct mqtt_cloud *m, uint64_t *counter, const char *what, const char *why)
{
    unsigned held;

    ++*counter;
    if (ag_log_gate_pass(&m->gate, uv_now(m->env->loop), &held))
        ag_log(AG_LOG_WARNING, "mqtt: %s refused: %s (%" PRIu64 " so far)", what, why, *counter);
}

static int publish(struct mqtt_cloud *m, const char *topic, struct ag_span payload, uint8_t qos, bool retain,
                   uint64_t cookie)
{
    struct mqtt_link_msg msg = {.topic = topic, .payload = payload, .qos = qos, .retain = retain};
    int r;

    /* reports come again when there is room; nothing else does */
    msg.urgent = topic != m->topics[T_REPORT];
    r = mqtt_link_publish(m->link, &msg, cookie);
    if (r == 0)
        m->last_sent_ms = uv_now(m->env->loop);
    return r;
}

/* ---- what others see of the device ---- */

static void publish_state(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (m->conf.state && m->state.n > 0 && prop_state_print(&m->state, &b) == 0)
        publish(m, m->topics[T_STATE], ag_buf_span(&b), 1, true, 0);
}

static int publish_config(void *user, const char *topic, struct ag_span payload)
{
    struct mqtt_cloud *m = user;
    int r = publish(m, topic, payload, 0, true, 0); /* QoS 0: a list may be longer than the window */

    if (r < 0)
        ag_log(AG_LOG_WARNING, "mqtt: discovery message not sent: %s", strerror(-r));
    return 0;
}

static void publish_discovery(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf list = AG_BUF_INIT;
    const struct ha_device d = {
        .prefix = m->conf.ha_prefix,
        .did = m->did,
        .model = m->env->conf->model,
        .vendor = m->env->conf->vendor,
        .state_topic = m->topics[T_STATE],
        .command_topic = m->topics[T_COMMAND],
        .status_topic = m->topics[T_STATUS],
    };
    const char *why = "out of memory";
    int r;

    if (!m->conf.ha_list)
        return;
    r = ag_file_read(m->conf.ha_list, HA_FILE_MAX, &list);
    if (r < 0)
        why = strerror(-r);
    else
        r = ha_discovery_build(ag_buf_span(&list), &d, publish_config, m, &why);
    if (r < 0)
        ag_log(AG_LOG_WARNING, "mqtt: %s: %s", m->conf.ha_list, why);
}

/* ---- the session ---- */

static int configure(struct mqtt_cloud *m, bool open);
static void send_unsent_answers(struct mqtt_cloud *m);

static void on_retry(uv_timer_t *t)
{
    struct mqtt_cloud *m = t->data;
    int r;

    if (m->stopping)
        return;
    r = configure(m, false); /* the next server; -EBUSY: a try is on */
    if (r < 0 && r != -EBUSY)
        ag_log(AG_LOG_WARNING, "mqtt: %s", strerror(-r));
    mqtt_link_connect(m->link);
}

static void on_connected(void *user, bool session_present)
{
    struct mqtt_cloud *m = user;
    int r = mqtt_link_subscribe(m->link, m->topics[T_COMMAND], 2, 0);

    (void) session_present;
    if (r < 0)
        ag_log(AG_LOG_WARNING, "mqtt: cannot subscribe to %s: %s", m->topics[T_COMMAND], strerror(-r));
    backoff_reset(&m->after_cut);
    backoff_reset(&m->after_refusal);
    m->last_sent_ms = uv_now(m->env->loop);
    publish_discovery(m);
    publish(m, m->topics[T_STATUS], AG_SPAN("online"), 1, true, 0);
    publish_state(m);
    send_unsent_answers(m);
    m->env->events->connected(m->env->user);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct mqtt_cloud *m = user;
    bool login = loss == MQTT_LINK_REFUSED && (code == 2 || code == 4 || code == 5);
    uint32_t pause = login ? backoff_next(&m->after_refusal) : backoff_next(&m->after_cut);

    if (m->stopping)
        return;
    if (loss != MQTT_LINK_ASKED)
        m->server = (m->server + 1) % m->conf.n_servers;
    uv_timer_start(&m->retry, on_retry, loss == MQTT_LINK_ASKED ? KICK_MS : pause, 0);
    m->env->events->lost(m->env->user, why);
}

/* ---- commands ---- */

static struct open_command *command_new(struct mqtt_cloud *m, struct ag_span id)
{
    struct open_command *c = calloc(1, sizeof *c + id.len + 1);

    if (!c)
        return NULL;
    memcpy(c->id, id.p, id.len);
    c->id_len = id.len;
    c->token = ++m->next_token;
    ag_list_append(&m->commands, &c->link);
    m->n_commands++;
    return c;
}

static void command_free(struct mqtt_cloud *m, struct open_command *c)
{
    ag_list_del(&c->link);
    m->n_commands--;
    ag_buf_deinit(&c->answer);
    free(c);
}

static int send_answer(struct mqtt_cloud *m, struct open_command *c)
{
    return publish(m, m->topics[T_COMMAND_ACK], ag_buf_span(&c->answer), m->conf.qos, false, 0);
}

static void send_unsent_answers(struct mqtt_cloud *m)
{
    ag_list_for_each_safe (it, &m->commands) {
        struct open_command *c = ag_list_entry(it, struct open_command, link);

        if (ag_buf_size(&c->answer) > 0 && send_answer(m, c) == 0)
            command_free(m, c);
    }
}

static void refuse_command(struct mqtt_cloud *m, struct ag_span id, int code, const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    log_refused(m, &m->n_refused_commands, "command", why);
    if (ag_msg_error(&b, id.p ? id : AG_SPAN("null"), code, why, NULL) == 0)
        publish(m, m->topics[T_COMMAND_ACK], ag_buf_span(&b), m->conf.qos, false, 0);
}

static void on_message(void *user, const struct mqtt_link_msg *msg)
{
    struct mqtt_cloud *m = user;
    struct ag_span text = msg->payload, id;
    struct ag_json_view view;
    struct open_command *c;

    if (strcmp(msg->topic, m->topics[T_COMMAND]) != 0)
        return;
    if (msg->retain) {
        log_refused(m, &m->n_refused_commands, "command", "it is retained");
        return;
    }
    if (text.len > COMMAND_MAX || ag_json_parse(&text, DEPTH_MAX, &view) != 0) {
        refuse_command(m, (struct ag_span){NULL, 0}, -32700, "not a JSON object of at most 1 MiB");
        return;
    }
    id = ag_view_raw(&view, text.p, AG_M_ID);
    if (view.at[AG_M_METHOD].type != AG_JSON_STRING || (view.twice & 1u << AG_M_ID)) {
        refuse_command(m, id, -32600, "not a command");
        return;
    }
    if (!id.p) {
        m->env->events->command(m->env->user, 0, text, false);
        return;
    }
    c = m->n_commands < OPEN_COMMANDS_MAX ? command_new(m, id) : NULL;
    if (c)
        m->env->events->command(m->env->user, c->token, text, true);
    else
        refuse_command(m, id, -32000, "too many commands open");
}

static int mqtt_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    struct ag_json_view view;
    int r;

    ag_list_for_each (it, &m->commands) {
        struct open_command *c = ag_list_entry(it, struct open_command, link);

        if (c->token != token || ag_buf_size(&c->answer) > 0)
            continue;
        if (ag_json_parse(&text, DEPTH_MAX * 2, &view) != 0 || !ag_view_has(&view, AG_M_ID))
            return -EINVAL;
        r = ag_msg_splice_value(&c->answer, text, &view.at[AG_M_ID], (struct ag_span){c->id, c->id_len});
        if (r == 0 && send_answer(m, c) == -ENOTCONN)
            return 0; /* kept for the next login */
        command_free(m, c);
        return r;
    }
    return -ENOENT;
}

/* ---- reports ---- */

static struct in_flight *find_in_flight(struct mqtt_cloud *m, uint32_t id)
{
    ag_list_for_each (it, &m->in_flight) {
        struct in_flight *f = ag_list_entry(it, struct in_flight, link);

        if (f->id == id)
            return f;
    }
    return NULL;
}

static void on_done(void *user, uint64_t cookie, int result)
{
    struct mqtt_cloud *m = user;
    uint32_t id = (uint32_t) cookie;
    struct in_flight *f = find_in_flight(m, id);

    if (!f)
        return;
    ag_list_del(&f->link);
    free(f);
    if (result == 0)
        m->env->events->acked(m->env->user, id, AG_SPAN("{\"result\":[\"ok\"]}"));
    else
        m->env->events->failed(m->env->user, id, true, -32002, "not connected");
}

/* The report under our id: put in place of the application's, or in front. */
static int put_id(struct ag_buf *out, struct ag_span text, uint32_t id)
{
    struct ag_json_view view;
    int r;

    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0 || view.at[AG_M_METHOD].type != AG_JSON_STRING)
        return -EINVAL;
    if (ag_view_has(&view, AG_M_ID))
        return ag_msg_splice_id(out, text, &view, id);
    r = ag_buf_printf(out, "{\"id\":%" PRIu32 ",", id);
    return r == 0 ? ag_buf_append(out, text.p + 1, text.len - 1) : r;
}

static void keep_state(struct mqtt_cloud *m, struct ag_span text)
{
    int r = m->conf.state ? prop_state_take(&m->state, text) : 0;

    if (r == 1)
        publish_state(m);
    else if (r == -ENOBUFS)
        log_refused(m, &m->n_refused_properties, "property for the state topic", "over 512 names or 64 KiB");
}

static int mqtt_report(struct cloud *base, uint32_t report_id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct in_flight *f;
    int r;

    (void) at_s; /* the text goes as the application wrote it */
    if (repeat && find_in_flight(m, report_id))
        return 0; /* the link itself sends it again, with DUP */
    if (!mqtt_link_is_connected(m->link))
        return -ENOTCONN;
    r = put_id(&b, text, report_id);
    if (r < 0)
        return r;
    f = calloc(1, sizeof *f);
    if (!f)
        return -ENOMEM;
    f->id = report_id;
    r = publish(m, m->topics[T_REPORT], ag_buf_span(&b), m->conf.qos, false,
                (uint64_t) COOKIE_REPORT << 32 | report_id);
    if (r < 0) {
        free(f);
        return r;
    }
    ag_list_append(&m->in_flight, &f->link);
    keep_state(m, text);
    return 0;
}

static int mqtt_carries(const struct device_conf *conf, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) conf;
    return put_id(&b, text, 1);
}

/* ---- life ---- */

static void fields_deinit(struct mqtt_cloud *m)
{
    while (!ag_list_empty(&m->commands))
        command_free(m, ag_list_first(&m->commands, struct open_command, link));
    while (!ag_list_empty(&m->in_flight)) {
        struct in_flight *f = ag_list_first(&m->in_flight, struct in_flight, link);

        ag_list_del(&f->link);
        free(f);
    }
    for (int i = 0; i < N_TOPICS; i++)
        free(m->topics[i]);
    prop_state_deinit(&m->state);
}

static void free_when_all_gone(struct mqtt_cloud *m)
{
    const struct cloud_env *env = m->env;

    if (!m->link_gone || !m->timer_gone)
        return;
    fields_deinit(m);
    free(m);
    env->events->closed(env->user);
}

static void on_link_closed(void *user)
{
    struct mqtt_cloud *m = user;

    m->link_gone = true;
    free_when_all_gone(m);
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mqtt_cloud *m = h->data;

    m->timer_gone = true;
    free_when_all_gone(m);
}

static const struct mqtt_link_events LINK_EVENTS = {on_connected, on_lost, on_message, on_done,
                                                    on_link_closed};

/* open: a new link; else the settings of the one there is. */
static int configure(struct mqtt_cloud *m, bool open)
{
    const struct mqtt_conf *c = &m->conf;
    const struct mqtt_link_msg will = {
        .topic = m->topics[T_STATUS], .payload = AG_SPAN("offline"), .qos = 1, .retain = true};
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
    uint32_t seed = (uint32_t) uv_hrtime();
    char why[160];
    int r;

    m->env = env;
    ag_list_init(&m->commands);
    ag_list_init(&m->in_flight);
    m->gate = (struct ag_log_gate){.burst = 10, .period_ms = 60000};
    backoff_init(&m->after_cut, FIRST_MS, 0, MAX_MS, seed);
    backoff_init(&m->after_refusal, REFUSED_FIRST_MS, 0, REFUSED_MAX_MS, seed);
    r = mqtt_conf_read(env->conf, &m->conf, why, sizeof why);
    if (r < 0)
        return r;
    snprintf(m->did, sizeof m->did, "%" PRIu64, env->conf->did);
    snprintf(m->client_id, sizeof m->client_id, "miio-%s", m->did);
    if (m->conf.client_id)
        snprintf(m->client_id, sizeof m->client_id, "%s", m->conf.client_id);
    for (int i = 0; i < N_TOPICS; i++) {
        if (asprintf(&m->topics[i], "%s/%s/%s", m->conf.prefix, m->did, topic_names[i]) < 0) {
            m->topics[i] = NULL;
            return -ENOMEM;
        }
    }
    return 0;
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
    uv_timer_init(env->loop, &m->retry);
    m->retry.data = m;
    *out = &m->base;
    return 0;
}

/* The list of properties too is judged at the start. */
static int mqtt_check(const struct device_conf *conf, char *why, size_t n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf list = AG_BUF_INIT;
    static const struct ha_device nobody = {"", "0", "", "", "", "", ""};
    const char *reason = "out of memory";
    struct mqtt_conf c;
    int r = mqtt_conf_read(conf, &c, why, n);

    if (r < 0 || !c.ha_list)
        return r;
    r = ag_file_read(c.ha_list, HA_FILE_MAX, &list);
    if (r < 0)
        reason = strerror(-r);
    else
        r = ha_discovery_build(ag_buf_span(&list), &nobody, NULL, NULL, &reason);
    if (r == 0)
        return 0;
    snprintf(why, n, "ha_properties: %s", reason);
    return -EINVAL;
}

static void mqtt_start(struct cloud *base)
{
    mqtt_link_connect(((struct mqtt_cloud *) base)->link);
}

/* An orderly end leaves no will behind, so "offline" is said here. */
static void mqtt_stop(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    if (m->stopping)
        return;
    m->stopping = true;
    publish(m, m->topics[T_STATUS], AG_SPAN("offline"), 0, true, 0);
    uv_close((uv_handle_t *) &m->retry, on_timer_closed);
    mqtt_link_close(m->link);
}

static void mqtt_kick(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;

    if (m->stopping)
        return;
    backoff_reset(&m->after_cut);
    backoff_reset(&m->after_refusal);
    /* DISCONNECT takes the will back, and the next login may fail */
    publish(m, m->topics[T_STATUS], AG_SPAN("offline"), 0, true, 0);
    if (mqtt_link_disconnect(m->link) == -ENOTCONN)
        uv_timer_start(&m->retry, on_retry, KICK_MS, 0);
}

/* Certificates are read at each connect; a session without any goes on. */
static void mqtt_reload(struct cloud *base)
{
    if (((struct mqtt_cloud *) base)->conf.tls)
        mqtt_kick(base);
}

static unsigned mqtt_wakeup_s(struct cloud *base)
{
    struct mqtt_cloud *m = (struct mqtt_cloud *) base;
    struct mqtt_link_stats st;
    uint64_t idle_s = (uv_now(m->env->loop) - m->last_sent_ms) / 1000;

    mqtt_link_get_stats(m->link, &st);
    if (uv_is_active((uv_handle_t *) &m->retry))
        return (unsigned) ((uv_timer_get_due_in(&m->retry) + 999) / 1000);
    if (!mqtt_link_is_connected(m->link) || st.in_window > 0 || m->n_commands > 0)
        return 0;
    return idle_s + 1 < m->conf.keepalive_s ? (unsigned) (m->conf.keepalive_s - idle_s) : 1;
}

static void mqtt_counters(const struct cloud *base, cloud_tell_fn *tell)
{
    const struct mqtt_cloud *m = (const struct mqtt_cloud *) base;

    tell("cloud.refused.commands", m->n_refused_commands);
    tell("cloud.refused.properties", m->n_refused_properties);
    cloud_tell_link(m->link, tell);
}

const struct cloud_ops cloud_mqtt_ops = {
    .name = "mqtt",
    .check = mqtt_check,
    .create = mqtt_create,
    .start = mqtt_start,
    .stop = mqtt_stop,
    .report = mqtt_report,
    .carries = mqtt_carries,
    .answer = mqtt_answer,
    .kick = mqtt_kick,
    .wakeup_s = mqtt_wakeup_s,
    .reload = mqtt_reload,
    .counters = mqtt_counters,
};
