/* SPDX-License-Identifier: MIT */
/*
 * Home Assistant: what the device announces, from its model or from a small list; when that is repeated; and what was announced
 * earlier, which is in mqtt.discovery in the data directory: a line for each topic and for each component ("KEY PLATFORM").
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/mqtt/mqtt_priv.h"
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"
#include "client/cloud/mqtt/core/ha/ha_model.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/io/file.h"
#include "libagent/core/utf8.h"
#include "libagent/core/deadline.h"

enum {
    RECORD_MAX = 256 << 10,
    BIRTH_SPREAD_MS = 3000, /* many devices see a birth message at once */
    CLEAR_MS = 10000,       /* from the new announcement to the removal of the one that it replaces */
    DEPTH_MAX = 32
};

/* ---- the source ---- */

enum kind { NOTHING, SMALL_LIST, MODEL };

struct source {
    enum kind kind;
    struct ag_buf text;
    struct model model; /* of MODEL */
};

static void source_deinit(struct source *s)
{
    if (s->kind == MODEL)
        ag_model_deinit(&s->model);
    ag_buf_deinit(&s->text);
}

static int read_model(struct source *s, char *why, size_t n)
{
    struct model_error error;
    int r = ag_model_parse(&s->model, ag_buf_span(&s->text), &error);

    if (r == 0)
        s->kind = MODEL;
    else if (r == -ENOMEM)
        snprintf(why, n, "out of memory");
    else
        snprintf(why, n, "line %u: %s", error.line, error.why);
    return r;
}

static bool is_instance(struct ag_span text)
{
    struct ag_json_view view;

    text = ag_utf8_without_mark(text);
    return ag_json_parse(&text, DEPTH_MAX, &view) == 0 && ag_json_get(text, "services").p;
}

/* A list takes precedence over the model; it may be an instance itself. 0, or <0 with the reason. */
static int source_read(struct source *s, const struct mqtt_conf *conf, char *why, size_t n)
{
    const char *path = conf->ha_list ? conf->ha_list : conf->model;
    int r;

    if (!path)
        return 0;
    r = ag_file_read(path, HA_FILE_MAX, &s->text);
    if (r < 0) {
        snprintf(why, n, "%s", strerror(-r));
        return r;
    }
    if (!conf->ha_list || is_instance(ag_buf_span(&s->text)))
        return read_model(s, why, n);
    s->kind = SMALL_LIST;
    return 0;
}

int mqtt_ha_check(const struct mqtt_conf *conf, char *why, size_t n)
{
    static const struct ha_device nobody = {"", "0", "", "", "", "", ""};
    ag_cleanup(source_deinit) struct source s = {.kind = NOTHING, .text = AG_BUF_INIT};
    char reason[200] = "out of memory";
    int r = source_read(&s, conf, reason, sizeof reason);

    if (r == 0 && s.kind == SMALL_LIST)
        r = ha_discovery_build(ag_buf_span(&s.text), &nobody, NULL, NULL, reason, sizeof reason);
    if (r == 0)
        return 0;
    snprintf(why, n, "%s: %s", conf->ha_list ? "ha_properties" : "model", reason);
    return r;
}

/* ---- lines ---- */

/* The next line, cut off from lines; p NULL: none is left. */
static struct ag_span next_line(struct ag_span *lines)
{
    const char *end = lines->len > 0 ? memchr(lines->p, '\n', lines->len) : NULL;
    struct ag_span line = {lines->p, end ? (size_t) (end - lines->p) : lines->len};

    if (lines->len == 0)
        return (struct ag_span){NULL, 0};
    lines->p += line.len + (end ? 1 : 0);
    lines->len -= line.len + (end ? 1 : 0);
    return line;
}

static bool has_line(struct ag_span lines, struct ag_span line)
{
    struct ag_span one;

    while ((one = next_line(&lines)).p) {
        if (ag_span_is(one, line.p, line.len))
            return true;
    }
    return false;
}

static bool is_component(struct ag_span line)
{
    return memchr(line.p, ' ', line.len) != NULL;
}

static bool is_device_topic(struct ag_span line)
{
    return memmem(line.p, line.len, "/device/miio_", 13) != NULL;
}

/* ---- one round ---- */

struct round {
    struct mqtt_cloud *m;
    struct ag_buf lines; /* of the new record */
    struct ag_buf old;   /* the previous record */
    struct ag_buf wait;  /* topics to be cleared when Home Assistant has taken the new announcement */
};

static void round_deinit(struct round *r)
{
    ag_buf_deinit(&r->lines);
    ag_buf_deinit(&r->old);
    ag_buf_deinit(&r->wait);
}

static int publish(struct mqtt_cloud *m, struct ag_span topic, struct ag_span payload, uint8_t qos, bool retain)
{
    char name[256];
    const struct mqtt_link_msg msg = {.topic = name, .payload = payload, .qos = qos, .retain = retain};
    int r = -EMSGSIZE;

    if (topic.len < sizeof name) {
        memcpy(name, topic.p, topic.len);
        name[topic.len] = '\0';
        r = mqtt_cloud_publish(m, &msg, 0);
    }
    if (r < 0)
        mqtt_cloud_not_sent(m, "discovery message not sent:", topic, r);
    return r;
}

static int publish_config(void *user, const char *topic, struct ag_span payload)
{
    struct round *round = user;

    publish(round->m, (struct ag_span){topic, strlen(topic)}, payload, 0, true); /* QoS 0: a list may be longer than the window */
    return ag_buf_printf(&round->lines, "%s\n", topic);
}

static int announce_list(struct round *round, const struct source *s, char *why, size_t n)
{
    const struct mqtt_cloud *m = round->m;
    const struct ha_device d = {
        .prefix = m->conf.ha_prefix,
        .did = m->did,
        .model = m->env->conf->model,
        .vendor = m->env->conf->vendor,
        .state_topic = m->topics[MQTT_T_STATE],
        .command_topic = m->topics[MQTT_T_COMMAND],
        .status_topic = m->topics[MQTT_T_STATUS],
    };

    return ha_discovery_build(ag_buf_span(&s->text), &d, publish_config, round, why, n);
}

/* The firmware's version as miIO.info tells it. */
static void read_version(const struct mqtt_cloud *m, char *out, size_t n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf info = AG_BUF_INIT, text = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span span;

    out[0] = '\0';
    if (!m->env->device_info || m->env->device_info(m->env->user, &info) < 0)
        return;
    span = ag_buf_span(&info);
    if (ag_json_parse(&span, DEPTH_MAX, &view) == 0 && ag_json_append_text(&text, ag_json_get(span, "fw_ver")) == 0)
        snprintf(out, n, "%.*s", ag_span_eq(ag_buf_span(&text), "unknown") ? 0 : (int) ag_buf_size(&text), ag_buf_span(&text).p);
}

static int announce_model(struct round *round, const struct source *s, char *why, size_t n)
{
    struct mqtt_cloud *m = round->m;
    const char *sn = device_conf_get(m->env->conf, "sn");
    char topic[256], version[64];
    const struct ha_model_device d = {
        .did = m->did,
        .model = m->env->conf->model,
        .vendor = m->env->conf->vendor,
        .mac = m->env->conf->mac,
        .sn = sn ? sn : "",
        .fw_version = version,
        .state_topic = m->topics[MQTT_T_STATE],
        .command_topic = m->topics[MQTT_T_COMMAND],
        .report_topic = m->topics[MQTT_T_REPORT],
        .status_topic = m->topics[MQTT_T_STATUS],
        .vacuum_topic = m->topics[MQTT_T_VACUUM],
        .bytes_max = m->conf.ha_max_bytes,
    };
    ag_cleanup(ha_model_message_deinit) struct ha_model_message message;
    ag_cleanup(ha_text_deinit) struct ha_text gone;
    struct ag_span name = {topic, 0};
    int r;

    snprintf(why, n, "out of memory");
    read_version(m, version, sizeof version);
    name.len = (size_t) ha_model_topic(topic, sizeof topic, m->conf.ha_prefix, m->did);
    r = ha_model_build(&s->model, &d, has_line(ag_buf_span(&round->old), name) ? ag_buf_span(&round->old) : AG_SPAN(""), &message,
                       &gone);
    if (r < 0)
        return r;
    if (message.n_left_out > 0)
        ag_log(AG_LOG_WARNING, "mqtt: Home Assistant is told only %u of %u entities: an announcement has at most %u bytes",
               message.n, message.n + message.n_left_out, m->conf.ha_max_bytes);
    if (ag_buf_size(&gone.b) > 0)
        publish(m, name, ag_buf_span(&gone.b), 1, true);
    publish(m, name, ag_buf_span(&message.payload.b), 1, true);
    ha_vacuum_state_init(&m->ha.vacuum, &s->model);
    r = ag_buf_printf(&round->lines, "%s\n", topic);
    return r == 0 ? ag_buf_append_span(&round->lines, ag_buf_span(&message.components.b)) : r;
}

/* Home Assistant keeps an entity's settings if it is told first that another message will replace it. */
static void migrate(struct round *round, enum kind to)
{
    struct ag_span rest = ag_buf_span(&round->old), line;

    while (to != NOTHING && (line = next_line(&rest)).p) {
        if (line.len > 0 && !is_component(line) && is_device_topic(line) != (to == MODEL))
            publish(round->m, line, AG_SPAN("{\"migrate_discovery\":true}"), 1, false);
    }
}

/* Takes back what was in the record and is no longer announced. If a message cannot go, it stays in the record until the next
   login. */
static int take_back(struct round *round, enum kind to)
{
    struct ag_span rest = ag_buf_span(&round->old), line;
    int r = 0;

    while (r == 0 && (line = next_line(&rest)).p) {
        bool wait = to != NOTHING && is_device_topic(line) != (to == MODEL);

        if (line.len == 0 || is_component(line) || has_line(ag_buf_span(&round->lines), line))
            continue;
        if (wait)
            r = ag_buf_printf(&round->wait, "%.*s\n", (int) line.len, line.p);
        if (r == 0 && (wait || publish(round->m, line, AG_SPAN(""), 1, true) < 0))
            r = ag_buf_printf(&round->lines, "%.*s\n", (int) line.len, line.p);
    }
    return r;
}

static int record_path(const struct mqtt_cloud *m, struct ag_buf *path)
{
    int r = ag_buf_printf(path, "%smqtt.discovery", m->env->data_dir);

    return r == 0 && !ag_buf_cstr(path) ? -ENOMEM : r;
}

static void read_record(const struct mqtt_cloud *m, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf path = AG_BUF_INIT;

    if (record_path(m, &path) < 0 || ag_file_read(path.data, RECORD_MAX, out) < 0)
        ag_buf_clear(out);
}

static void keep_record(const struct mqtt_cloud *m, struct ag_span lines, struct ag_span old)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf path = AG_BUF_INIT;
    int r = record_path(m, &path);

    if (lines.len == old.len && (old.len == 0 || memcmp(lines.p, old.p, old.len) == 0))
        return;
    if (r == 0)
        r = lines.len > 0 ? ag_file_write_atomic(path.data, lines.p, lines.len, 0600) : ag_file_remove(path.data);
    if (r < 0)
        ag_log(AG_LOG_WARNING, "mqtt: mqtt.discovery: %s", strerror(-r));
}

static int announce(struct round *round, struct source *s, char *why, size_t n)
{
    int r = source_read(s, &round->m->conf, why, n);

    if (r < 0)
        return r;
    read_record(round->m, &round->old);
    migrate(round, s->kind);
    if (s->kind == SMALL_LIST)
        r = announce_list(round, s, why, n);
    else if (s->kind == MODEL)
        r = announce_model(round, s, why, n);
    return r == 0 ? take_back(round, s->kind) : r;
}

void mqtt_ha_announce(struct mqtt_cloud *m)
{
    ag_cleanup(round_deinit) struct round round = {m, AG_BUF_INIT, AG_BUF_INIT, AG_BUF_INIT};
    ag_cleanup(source_deinit) struct source s = {.kind = NOTHING, .text = AG_BUF_INIT};
    char why[200] = "out of memory";

    if (announce(&round, &s, why, sizeof why) < 0) {
        ag_log(AG_LOG_WARNING, "mqtt: %s: %s", m->conf.ha_list ? m->conf.ha_list : m->conf.model, why);
        return;
    }
    keep_record(m, ag_buf_span(&round.lines), ag_buf_span(&round.old));
    m->ha.clear_ms = ag_buf_size(&round.wait) > 0 ? uv_now(m->env->loop) + CLEAR_MS : AG_NEVER;
    ag_buf_deinit(&m->ha.wait);
    m->ha.wait = round.wait;
    round.wait = (struct ag_buf) AG_BUF_INIT;
    mqtt_ask_all(m, s.kind == MODEL ? &s.model : NULL);
}

/* Removes what the announcement has replaced. */
static void clear(struct mqtt_cloud *m)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf old = AG_BUF_INIT, lines = AG_BUF_INIT;
    struct ag_span rest, line;
    int r = 0;

    m->ha.clear_ms = AG_NEVER;
    read_record(m, &old);
    rest = ag_buf_span(&old);
    while (r == 0 && (line = next_line(&rest)).p) {
        if (has_line(ag_buf_span(&m->ha.wait), line) && publish(m, line, AG_SPAN(""), 1, true) == 0)
            continue;
        r = ag_buf_printf(&lines, "%.*s\n", (int) line.len, line.p);
    }
    ag_buf_deinit(&m->ha.wait);
    if (r == 0)
        keep_record(m, ag_buf_span(&lines), ag_buf_span(&old));
}

/* ---- when ---- */

static bool is_wanted(const struct mqtt_cloud *m)
{
    return m->conf.ha_list || m->conf.model;
}

void mqtt_ha_deinit(struct mqtt_cloud *m)
{
    ag_buf_deinit(&m->ha.wait);
}

void mqtt_ha_connected(struct mqtt_cloud *m)
{
    int r = 0;

    m->ha.announce_ms = AG_NEVER;
    mqtt_ha_announce(m);
    if (is_wanted(m))
        r = mqtt_link_subscribe(m->link, m->conf.ha_status, 1, mqtt_cookie(MQTT_COOKIE_SUB_BIRTH, 0));
    if (r < 0)
        mqtt_cloud_not_sent(m, "cannot follow", (struct ag_span){m->conf.ha_status, strlen(m->conf.ha_status)}, r);
}

void mqtt_ha_subscribed(struct mqtt_cloud *m, int result)
{
    if (result >= MQTT_LINK_DONE_REFUSED)
        ag_log(AG_LOG_WARNING, "mqtt: the broker refuses the subscription to %s: starts of Home Assistant go unnoticed",
               m->conf.ha_status);
}

bool mqtt_ha_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg)
{
    if (!is_wanted(m) || strcmp(msg->topic, m->conf.ha_status) != 0)
        return false;
    /* a retained one is older than this session, which has announced everything */
    if (!msg->retain && ag_span_eq(msg->payload, "online") && m->ha.announce_ms == AG_NEVER) {
        m->ha.announce_ms = uv_now(m->env->loop) + 1 + uv_hrtime() / 1000 % BIRTH_SPREAD_MS;
        mqtt_cloud_rearm(m);
    }
    return true;
}

void mqtt_ha_reload(struct mqtt_cloud *m)
{
    if (!is_wanted(m) || !m->broker.reconnect.up)
        return;
    mqtt_ha_announce(m);
    mqtt_cloud_rearm(m);
}

uint64_t mqtt_ha_due_ms(const struct mqtt_cloud *m)
{
    return ag_earlier(m->ha.announce_ms, m->ha.clear_ms);
}

void mqtt_ha_overdue(struct mqtt_cloud *m, uint64_t now_ms)
{
    if (now_ms >= m->ha.announce_ms) {
        m->ha.announce_ms = AG_NEVER;
        mqtt_ha_announce(m);
        mqtt_picture_again(m);
    }
    if (now_ms >= m->ha.clear_ms)
        clear(m);
}
