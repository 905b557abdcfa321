/* The Apps and the M2M server of the Gizwits stand-in: one connection at the broker, frames both ways. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/utf8.h"
#include "examples/sim/gizwits/gizwits_sim.h"

enum { LINK_RETRY_MS = 200 };

int gzsim_app_publish(struct gzsim *s, const char *topic, struct ag_span payload)
{
    const struct mqtt_link_msg m = {.topic = topic, .payload = payload, .qos = 0};

    return mqtt_link_publish(s->link, &m, 0);
}

int gzsim_app_send(struct gzsim *s, const char *app, const struct gizwits_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char topic[GIZWITS_TOPIC_MAX];
    int r;

    if (!s->current)
        return -ENOTCONN;
    r = gizwits_frame_build(f, &b);
    if (r != 0)
        return -EINVAL;
    if (app[0])
        snprintf(topic, sizeof topic, "app2dev/%s/%s", s->current->did, app);
    else
        snprintf(topic, sizeof topic, "ser2cli_res/%s", s->current->did);
    return gzsim_app_publish(s, topic, ag_buf_span(&b));
}

/* P0 as text when it is text, else as hex digits. */
static int put_bytes(struct ag_buf *out, struct ag_span p0)
{
    int r;

    if (ag_utf8_valid(p0) && (p0.len == 0 || !memchr(p0.p, '\0', p0.len))) {
        r = ag_buf_append_str(out, ",\"text\":");
        return r == 0 ? ag_buf_append_json_str(out, p0.p, p0.len) : r;
    }
    r = ag_buf_append_str(out, ",\"hex\":\"");
    for (size_t i = 0; r == 0 && i < p0.len && i < 64; i++)
        r = ag_buf_printf(out, "%02x", (uint8_t) p0.p[i]);
    return r == 0 ? ag_buf_append_char(out, '"') : r;
}

static void note_frame(const char *did, const char *app, const struct gizwits_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = ag_buf_printf(&b, ",\"cmd\":\"%04x\",\"did\":\"%s\",\"app\":", f->cmd, did);

    if (r == 0)
        r = ag_buf_append_json_str(&b, app, strlen(app));
    if (r == 0 && (f->cmd == GIZWITS_ACKED || f->cmd == GIZWITS_ACK))
        r = ag_buf_printf(&b, ",\"sn\":%u", f->sn);
    if (r == 0 && f->cmd == GIZWITS_LOG) {
        r = ag_buf_printf(&b, ",\"level\":%u,\"tag\":", f->level);
        if (r == 0)
            r = ag_buf_append_json_str(&b, f->tag.p, f->tag.len);
        if (r == 0)
            r = ag_buf_append_str(&b, ",\"source\":");
        if (r == 0)
            r = ag_buf_append_json_str(&b, f->source.p, f->source.len);
        if (r == 0)
            r = put_bytes(&b, f->text);
    } else if (r == 0 && f->cmd != GIZWITS_SET_LOG_ACK) {
        r = ag_buf_printf(&b, ",\"bytes\":%zu", f->p0.len);
        if (r == 0)
            r = put_bytes(&b, f->p0);
    }
    if (r == 0 && ag_buf_cstr(&b))
        sim_note("frame", "%s", ag_buf_head(&b));
}

static void on_device_frame(struct gzsim *s, const char *rest, const struct gizwits_frame *f)
{
    const char *slash = strchr(rest, '/');
    char did[GIZWITS_TOPIC_MAX];
    struct gizwits_frame ack = {.cmd = GIZWITS_ACK, .sn = f->sn};

    snprintf(did, sizeof did, "%.*s", slash ? (int) (slash - rest) : (int) strlen(rest), rest);
    note_frame(did, slash ? slash + 1 : "", f);
    if (f->cmd == GIZWITS_ACKED && s->auto_ack)
        gzsim_app_send(s, slash ? slash + 1 : "app", &ack);
}

static void on_message(void *user, const struct mqtt_link_msg *m)
{
    struct gzsim *s = user;
    bool from_device = strncmp(m->topic, "dev2app/", 8) == 0;
    struct gizwits_frame f;

    if (gizwits_frame_parse(from_device ? GIZWITS_FORM_A : GIZWITS_FORM_B, m->payload, &f) != 0)
        return; /* the relay has let only good ones through; others come from elsewhere */
    if (from_device) {
        on_device_frame(s, m->topic + 8, &f);
    } else {
        struct gizwits_frame answer = {.cmd = GIZWITS_APPS, .n_apps = (uint16_t) s->n_apps};

        sim_note("ask_apps", "%s", "");
        gzsim_app_send(s, "", &answer);
    }
}

static void on_retry(uv_timer_t *t)
{
    struct gzsim *s = t->data;

    if (!s->stopping)
        mqtt_link_connect(s->link);
}

static void on_connected(void *user, bool present)
{
    static const char *const filters[] = {"dev2app/#", "cli2ser_req", "ser2cli_req"};
    struct gzsim *s = user;

    (void) present;
    for (size_t i = 0; i < ag_array_size(filters); i++)
        mqtt_link_subscribe(s->link, filters[i], 0, i + 1);
}

static void on_lost(void *user, enum mqtt_link_loss loss, int code, const char *why)
{
    struct gzsim *s = user;

    (void) loss;
    (void) code;
    (void) why;
    uv_timer_start(&s->link_retry, on_retry, LINK_RETRY_MS, 0);
}

static void on_done(void *user, uint64_t cookie, int result)
{
    if (cookie == 3 && result >= 0)
        gzsim_ready(user);
}

static void on_closed(void *user)
{
    ((struct gzsim *) user)->link = NULL;
}

int gzsim_app_open(struct gzsim *s)
{
    static const struct mqtt_link_events events = {on_connected, on_lost, on_message, on_done, on_closed, NULL};
    const struct mqtt_link_config c = {.host = "127.0.0.1",
                                       .port = ntohs(s->broker.sin_port),
                                       .client_id = "apps-and-server",
                                       .clean_session = true};
    int r = mqtt_link_open(&s->link, &s->loop, &c, NULL, &events, s);

    return r == 0 ? mqtt_link_connect(s->link) : r;
}
