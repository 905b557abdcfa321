/* SPDX-License-Identifier: MIT */
/* What comes over MQTT, and the answers to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits/gizwits_priv.h"
#include "libagent/core/codes.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/json/json.h"
#include "libagent/core/text/message.h"

enum { DEPTH_MAX = 128 };

/* ---- answers and acknowledgements ---- */

void gizwits_answers_send(struct gizwits *g)
{
    struct answer *a;

    while ((a = answer_box_next(&g->answers))) {
        int r = gizwits_publish_bytes(g, a->topic, a->payload, true, gizwits_cookie(GIZWITS_COOKIE_ANSWER, a->n));

        if (r == 0) {
            answer_box_sent(&g->answers, a);
        } else if (r == -EINVAL || r == -EMSGSIZE) {
            ag_log(AG_LOG_ERROR, "gizwits: an answer is dropped: %s", strerror(-r));
            answer_box_drop(&g->answers, a);
        } else {
            return; /* no room, or no session: on_room() or the next login calls again */
        }
    }
}

/* kept: into the place that was kept for it. Returns what the box returns. */
static int put(struct gizwits *g, const char *app, const struct gizwits_frame *f, bool kept)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf frame = AG_BUF_INIT;
    char topic[GIZWITS_TOPIC_MAX];
    int r = gizwits_frame_build(f, &frame);

    if (r != 0 && kept)
        answer_box_give_back(&g->answers);
    if (r != 0) {
        g->answers.n_dropped++;
        return r;
    }
    gizwits_topic_to_app(g->link_did, app, topic);
    r = kept ? answer_box_put_answer(&g->answers, topic, ag_buf_span(&frame))
             : answer_box_put_refusal(&g->answers, topic, ag_buf_span(&frame));
    gizwits_answers_send(g);
    return r;
}

static void ack(struct gizwits *g, const char *app, uint32_t sn, struct ag_span p0)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ACK, .sn = sn, .p0 = p0};

    put(g, app, &f, false);
}

/* ---- commands of Apps ---- */

static struct gizwits_command *command_new(struct gizwits *g, const char *app, const struct gizwits_frame *f, struct ag_span id)
{
    struct gizwits_command *c = calloc(1, sizeof *c + id.len + 1);

    if (!c)
        return NULL;
    memcpy(c->app, app, strnlen(app, GIZWITS_APP_MAX)); /* calloc has put the NUL */
    c->acked_form = f->cmd == GIZWITS_ACKED;
    c->sn = f->sn;
    c->id_len = id.len;
    memcpy(c->id, id.p, id.len);
    c->token = g->next_token + 1;
    HASH_ADD(hh, g->commands, token, sizeof c->token, c);
    if (!c->hh.tbl) {
        free(c);
        return NULL;
    }
    g->next_token++;
    return c;
}

static void command_free(struct gizwits *g, struct gizwits_command *c)
{
    HASH_DEL(g->commands, c);
    free(c);
}

void gizwits_forget_commands(struct gizwits *g)
{
    while (g->commands) {
        command_free(g, g->commands);
        answer_box_give_back(&g->answers);
    }
}

static void refuse(struct gizwits *g, const char *app, const struct gizwits_frame *f, struct ag_span id, int code,
                   const char *why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf error = AG_BUF_INIT;
    struct gizwits_frame answer = {.cmd = GIZWITS_TO_APP};

    g->broker.count.commands_refused++;
    gizwits_log_dropped(g, "command", why);
    if (ag_msg_error(&error, id.p ? id : AG_SPAN("null"), code, why, NULL) < 0) {
        g->answers.n_dropped++;
        return;
    }
    answer.p0 = ag_buf_span(&error);
    if (f->cmd == GIZWITS_ACKED) {
        gizwits_seen_answer(&g->seen, app, f->sn, answer.p0);
        ack(g, app, f->sn, answer.p0);
    } else {
        put(g, app, &answer, false);
    }
}

/* Nobody will answer: a 0x0093 is acknowledged for having arrived. */
static void ack_at_once(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    if (f->cmd != GIZWITS_ACKED)
        return;
    gizwits_seen_answer(&g->seen, app, f->sn, AG_SPAN(""));
    ack(g, app, f->sn, AG_SPAN(""));
}

/* Bytes in the product's own format: passed on as gizwits.command. */
static void deliver_bytes(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_buf_append_str(&text, "{\"method\":\"gizwits.command\",\"params\":{\"app\":");

    if (r == 0)
        r = ag_buf_append_json_str(&text, app, strlen(app));
    if (r == 0)
        r = ag_buf_append_str(&text, ",\"base64\":\"");
    if (r == 0)
        r = ag_base64_encode(&text, f->p0.p, f->p0.len);
    if (r == 0)
        r = ag_buf_append_str(&text, "\"}}");
    if (r < 0) {
        refuse(g, app, f, (struct ag_span){NULL, 0}, AG_CODE_BUSY, "out of memory");
        return;
    }
    ack_at_once(g, app, f);
    g->broker.count.commands++;
    g->env->events->command(g->env->user, 0, ag_buf_span(&text), false);
}

static void start(struct gizwits *g, const char *app, const struct gizwits_frame *f, struct ag_span id, struct ag_span text)
{
    struct gizwits_command *c;

    if (!answer_box_keep_place(&g->answers)) {
        refuse(g, app, f, id, AG_CODE_BUSY, "too many commands open");
        return;
    }
    c = command_new(g, app, f, id);
    if (!c) {
        answer_box_give_back(&g->answers);
        refuse(g, app, f, id, AG_CODE_BUSY, "out of memory");
        return;
    }
    g->broker.count.commands++;
    g->env->events->command(g->env->user, c->token, text, true);
}

static void deliver_json(struct gizwits *g, const char *app, const struct gizwits_frame *f, struct ag_span text,
                         const struct ag_json_view *view)
{
    struct ag_span id = ag_view_raw(view, text.p, AG_M_ID);

    if (view->twice & (1u << AG_M_ID | 1u << AG_M_METHOD)) {
        refuse(g, app, f, (struct ag_span){NULL, 0}, AG_CODE_INVALID_REQUEST, "id or method is given twice");
    } else if (!id.p) {
        ack_at_once(g, app, f);
        g->broker.count.commands++;
        g->env->events->command(g->env->user, 0, text, false);
    } else if (id.len > CLOUD_ID_MAX) {
        refuse(g, app, f, (struct ag_span){NULL, 0}, AG_CODE_INVALID_REQUEST, "an id over 128 bytes");
    } else {
        start(g, app, f, id, text);
    }
}

/* Nothing of it has been parsed yet; the App is answered under its own id all the same. */
static void refuse_unread(struct gizwits *g, const char *app, const struct gizwits_frame *f, const char *why)
{
    struct ag_span text = f->p0, id = {NULL, 0};
    struct ag_json_view view;

    if (ag_json_parse(&text, DEPTH_MAX, &view) == 0 && !(view.twice & 1u << AG_M_ID))
        id = ag_view_raw(&view, text.p, AG_M_ID);
    refuse(g, app, f, id.len <= CLOUD_ID_MAX ? id : (struct ag_span){NULL, 0}, AG_CODE_BUSY, why);
}

static void on_business(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    struct ag_span text = f->p0, answer;
    struct ag_json_view view;

    if (f->cmd == GIZWITS_ACKED) {
        switch (gizwits_seen_note(&g->seen, app, f->sn, &answer)) {
        case GIZWITS_NEW:
            break;
        case GIZWITS_ANSWERED:
            g->count.repeated++;
            ack(g, app, f->sn, answer);
            return;
        case GIZWITS_WAITING:
            g->count.repeated++;
            return;
        case GIZWITS_NO_PLACE:
            refuse_unread(g, app, f, "too many Apps wait for answers");
            return;
        default:
            refuse_unread(g, app, f, "out of memory");
            return;
        }
    }
    if (ag_json_parse(&text, DEPTH_MAX, &view) == 0 && view.at[AG_M_METHOD].type == AG_JSON_STRING)
        deliver_json(g, app, f, text, &view);
    else
        deliver_bytes(g, app, f);
}

static struct gizwits_command *find_command(struct gizwits *g, uint64_t token)
{
    struct gizwits_command *c;

    HASH_FIND(hh, g->commands, &token, sizeof token, c);
    return c;
}

enum { REFUSAL_MAX = CLOUD_ID_MAX + 96 };

/* Under the App's id, and without memory: there may be none. */
static struct ag_span refusal(const struct gizwits_command *c, char out[REFUSAL_MAX])
{
    int n = snprintf(out, REFUSAL_MAX, "{\"id\":%.*s,\"error\":{\"code\":-32603,\"message\":\"the answer cannot be carried\"}}",
                     (int) c->id_len, c->id);

    return (struct ag_span){out, (size_t) n};
}

static void put_answer(struct gizwits *g, const struct gizwits_command *c, struct ag_span p0)
{
    struct gizwits_frame f = {.cmd = c->acked_form ? GIZWITS_ACK : GIZWITS_TO_APP, .sn = c->sn, .p0 = p0};
    char text[REFUSAL_MAX];

    if (p0.len > GIZWITS_P0_MAX || p0.len == 0) {
        g->broker.count.answers_refused++;
        f.p0 = refusal(c, text);
    }
    if (put(g, c->app, &f, true) == -EMSGSIZE) { /* beside all that waits: the place is still kept */
        g->broker.count.answers_refused++;
        f.p0 = refusal(c, text);
        put(g, c->app, &f, true);
    }
    if (c->acked_form)
        gizwits_seen_answer(&g->seen, c->app, c->sn, f.p0);
}

int gizwits_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct gizwits *g = (struct gizwits *) base;
    struct gizwits_command *c = find_command(g, token);
    ag_cleanup(ag_buf_deinit) struct ag_buf p0 = AG_BUF_INIT;
    struct ag_json_view view;

    if (!c)
        return -ENOENT;
    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0 ||
        ag_msg_put_raw_id(&p0, text, &view, (struct ag_span){c->id, c->id_len}) < 0)
        ag_buf_clear(&p0);
    put_answer(g, c, ag_buf_span(&p0));
    command_free(g, c);
    return 0;
}

/* ---- the rest ---- */

static void on_set_log(struct gizwits *g, const char *app, uint16_t settings)
{
    struct gizwits_frame f = {.cmd = GIZWITS_SET_LOG_ACK};

    g->log_settings = settings;
    put(g, app, &f, false);
    gizwits_send_log(g, GIZWITS_LOG_INFO, "log", "log levels changed");
}

static void on_ack(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    struct gizwits_out *o = gizwits_outs_take(&g->outs, app, f->sn);

    if (!o) {
        g->count.stray_acks++;
        return;
    }
    gizwits_method_acked(o, f->p0);
    gizwits_rearm(g);
}

static void on_apps(struct gizwits *g, unsigned n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    gizwits_method_apps(g, n);
    if (ag_buf_printf(&text, "{\"method\":\"gizwits.apps\",\"params\":{\"count\":%u}}", n) == 0)
        g->env->events->command(g->env->user, 0, ag_buf_span(&text), false);
}

static void on_frame(struct gizwits *g, const struct gizwits_origin *from, const struct gizwits_frame *f)
{
    switch (f->cmd) {
    case GIZWITS_TO_DEVICE:
    case GIZWITS_ACKED:
        on_business(g, from->app, f);
        break;
    case GIZWITS_ACK:
        on_ack(g, from->app, f);
        break;
    case GIZWITS_SET_LOG:
        on_set_log(g, from->app, f->settings);
        break;
    case GIZWITS_APPS:
        on_apps(g, f->n_apps);
        break;
    case GIZWITS_FIRMWARE_V40:
        gizwits_on_firmware_v40(g, f);
        break;
    case GIZWITS_FIRMWARE_V41:
        gizwits_check_firmware(g, f->fw_type);
        break;
    default:
        g->count.unexpected++;
        gizwits_log_dropped(g, "frame", "only a device sends this command");
    }
}

void gizwits_on_message(void *user, const struct mqtt_link_msg *m)
{
    struct gizwits *g = user;
    struct gizwits_origin from;
    struct gizwits_frame f;
    int r;

    if (!gizwits_topic_parse(m->topic, g->link_did, g->conf.product_key, &from)) {
        g->count.unknown_topic++;
        gizwits_log_dropped(g, "message", "unknown topic");
        return;
    }
    r = gizwits_frame_parse(from.form, m->payload, &f);
    if (r != 0) {
        g->count.dropped[r]++;
        gizwits_log_dropped(g, "frame", gizwits_frame_error(r));
        return;
    }
    on_frame(g, &from, &f);
}
