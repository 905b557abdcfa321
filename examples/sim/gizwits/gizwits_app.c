/* SPDX-License-Identifier: MIT */
/* The Apps and the M2M server of the Gizwits stand-in: one connection at the broker, frames both ways. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "examples/sim/gizwits/gizwits_sim.h"
#include "examples/sim/wire/sim_json.h"

int gzsim_app_publish(struct gzsim *s, const char *topic, struct ag_span payload)
{
    return sim_mqtt_publish(&s->link, topic, payload, 0);
}

int gzsim_app_send(struct gzsim *s, const char *app, const struct gz_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char topic[GZ_TOPIC_MAX];
    int r;

    if (!s->current)
        return -ENOTCONN;
    r = gz_frame_write(f, &b);
    if (r != 0)
        return r;
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

    if (sim_utf8_valid(p0) && (p0.len == 0 || !memchr(p0.p, '\0', p0.len))) {
        r = ag_buf_append_str(out, ",\"text\":");
        return r == 0 ? ag_buf_append_json_str(out, p0.p, p0.len) : r;
    }
    r = ag_buf_append_str(out, ",\"hex\":\"");
    for (size_t i = 0; r == 0 && i < p0.len && i < 64; i++)
        r = ag_buf_printf(out, "%02x", (uint8_t) p0.p[i]);
    return r == 0 ? ag_buf_append_char(out, '"') : r;
}

static void note_frame(const char *did, const char *app, const struct gz_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = ag_buf_printf(&b, ",\"cmd\":\"%04x\",\"did\":\"%s\",\"app\":", f->cmd, did);

    if (r == 0)
        r = ag_buf_append_json_str(&b, app, strlen(app));
    if (r == 0 && (f->cmd == GZ_ACKED || f->cmd == GZ_ACK))
        r = ag_buf_printf(&b, ",\"sn\":%u", f->sn);
    if (r == 0 && f->cmd == GZ_LOG) {
        r = ag_buf_printf(&b, ",\"level\":%u,\"tag\":", f->level);
        if (r == 0)
            r = ag_buf_append_json_str(&b, f->tag.p, f->tag.len);
        if (r == 0)
            r = ag_buf_append_str(&b, ",\"source\":");
        if (r == 0)
            r = ag_buf_append_json_str(&b, f->source.p, f->source.len);
        if (r == 0)
            r = put_bytes(&b, f->text);
    } else if (r == 0 && f->cmd != GZ_SET_LOG_ACK) {
        r = ag_buf_printf(&b, ",\"bytes\":%zu", f->p0.len);
        if (r == 0)
            r = put_bytes(&b, f->p0);
    }
    if (r == 0 && ag_buf_cstr(&b))
        sim_note("frame", "%s", ag_buf_head(&b));
}

static void on_device_frame(struct gzsim *s, const char *rest, const struct gz_frame *f)
{
    const char *slash = strchr(rest, '/');
    char did[GZ_TOPIC_MAX];
    struct gz_frame ack = {.cmd = GZ_ACK, .sn = f->sn};

    snprintf(did, sizeof did, "%.*s", slash ? (int) (slash - rest) : (int) strlen(rest), rest);
    note_frame(did, slash ? slash + 1 : "", f);
    if (f->cmd == GZ_ACKED && s->auto_ack)
        gzsim_app_send(s, slash ? slash + 1 : "app", &ack);
}

static void on_message(void *user, const char *topic, struct ag_span payload)
{
    struct gzsim *s = user;
    bool from_device = strncmp(topic, "dev2app/", 8) == 0;
    struct gz_frame f;

    if (gz_frame_read(!from_device, payload, &f))
        return; /* the relay has let only good ones through; others come from elsewhere */
    if (from_device) {
        on_device_frame(s, topic + 8, &f);
    } else {
        struct gz_frame answer = {.cmd = GZ_APPS, .n_apps = (uint16_t) s->n_apps};

        sim_note("ask_apps", "%s", "");
        gzsim_app_send(s, "", &answer);
    }
}

/* The link to the broker is up: now all is ready. */
static void tell_ready(struct gzsim *s)
{
    if (s->ready_told)
        return;
    s->ready_told = true;
    printf("ready http=127.0.0.1:%u mqtt=127.0.0.1:%u broker=127.0.0.1:%u\n", s->http_port, s->mqtt_port,
           ntohs(s->broker.sin_port));
    fflush(stdout);
}

static void on_ready(void *user)
{
    tell_ready(user);
    sim_note("apps_ready", "%s", ""); /* after each loss of the broker */
}

int gzsim_app_open(struct gzsim *s)
{
    static const char *const filters[] = {"dev2app/#", "cli2ser_req", "ser2cli_req", NULL};
    static const struct sim_mqtt_ops ops = {.ready = on_ready, .message = on_message};

    return sim_mqtt_open(&s->link, &s->loop, ntohs(s->broker.sin_port), "apps-and-server", NULL, NULL, filters, &ops, s);
}
