/* What comes over MQTT, and the answers to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits_priv.h"
#include "client/core/base64.h"
#include "client/core/command.h"
#include "libagent/core/json.h"

enum { DEPTH_MAX = 128 };

/* ---- commands of Apps ---- */

static void ack(struct gizwits *g, const char *app, uint32_t sn, struct ag_span p0)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ACK, .sn = sn, .p0 = p0};

    if (gizwits_publish(g, app, &f, 0) != 0)
        g->count.unsent++;
}

static struct gizwits_command *command_new(struct gizwits *g, const char *app, const struct gizwits_frame *f,
                                           struct ag_span id)
{
    struct gizwits_command *c;

    if (g->n_commands >= GIZWITS_COMMANDS_MAX)
        return NULL;
    c = calloc(1, sizeof *c + id.len + 1);
    if (!c)
        return NULL;
    memcpy(c->app, app, strnlen(app, GIZWITS_APP_MAX)); /* calloc has put the NUL */
    c->acked_form = f->cmd == GIZWITS_ACKED;
    c->sn = f->sn;
    c->id_len = id.len;
    memcpy(c->id, id.p, id.len);
    c->token = ++g->next_token;
    ag_list_append(&g->commands, &c->link);
    g->n_commands++;
    return c;
}

static void command_free(struct gizwits *g, struct gizwits_command *c)
{
    ag_list_del(&c->link);
    g->n_commands--;
    free(c);
}

void gizwits_forget_commands(struct gizwits *g)
{
    ag_list_for_each_safe (it, &g->commands)
        command_free(g, ag_list_entry(it, struct gizwits_command, link));
}

static void refuse_command(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    static const char busy[] = "{\"error\":{\"code\":-32000,\"message\":\"too many commands\"}}";
    struct gizwits_frame answer = {.cmd = GIZWITS_TO_APP, .p0 = {busy, sizeof busy - 1}};

    g->count.commands_refused++;
    gizwits_log_dropped(g, "command", "too many are open");
    if (f->cmd == GIZWITS_ACKED) {
        gizwits_seen_answer(&g->seen, app, f->sn, answer.p0);
        ack(g, app, f->sn, answer.p0);
    } else if (gizwits_publish(g, app, &answer, 0) != 0) {
        g->count.unsent++;
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

/* Bytes of the product's own language: told as gizwits.command. */
static void deliver_bytes(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_buf_append_str(&text, "{\"method\":\"gizwits.command\",\"params\":{\"app\":");

    if (r == 0)
        r = ag_buf_append_json_str(&text, app, strlen(app));
    if (r == 0)
        r = ag_buf_append_str(&text, ",\"base64\":\"");
    if (r == 0)
        r = base64_encode(&text, f->p0.p, f->p0.len);
    if (r == 0)
        r = ag_buf_append_str(&text, "\"}}");
    if (r < 0) {
        gizwits_log_dropped(g, "command", strerror(-r));
        return;
    }
    ack_at_once(g, app, f);
    g->env->events->command(g->env->user, 0, ag_buf_span(&text), false);
}

static void deliver_json(struct gizwits *g, const char *app, const struct gizwits_frame *f,
                         struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span id = ag_view_raw(view, text.p, AG_M_ID);
    struct gizwits_command *c;

    if (!id.p) {
        ack_at_once(g, app, f);
        g->env->events->command(g->env->user, 0, text, false);
        return;
    }
    c = command_new(g, app, f, id);
    if (!c) {
        refuse_command(g, app, f);
        return;
    }
    g->env->events->command(g->env->user, c->token, text, true);
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
        default:
            gizwits_log_dropped(g, "command", "no memory");
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
    ag_list_for_each (it, &g->commands) {
        struct gizwits_command *c = ag_list_entry(it, struct gizwits_command, link);

        if (c->token == token)
            return c;
    }
    return NULL;
}

static int send_answer(struct gizwits *g, const struct gizwits_command *c, struct ag_span p0)
{
    static const char large[] = "{\"error\":{\"code\":-32603,\"message\":\"answer over 65535 bytes\"}}";
    struct gizwits_frame f = {.cmd = c->acked_form ? GIZWITS_ACK : GIZWITS_TO_APP, .sn = c->sn, .p0 = p0};
    int r;

    if (p0.len > GIZWITS_P0_MAX)
        f.p0 = (struct ag_span){large, sizeof large - 1};
    if (c->acked_form)
        gizwits_seen_answer(&g->seen, c->app, c->sn, f.p0);
    r = gizwits_publish(g, c->app, &f, 0);
    if (r != 0)
        g->count.unsent++;
    return r < 0 ? r : 0;
}

int gizwits_answer(struct cloud *base, uint64_t token, struct ag_span text)
{
    struct gizwits *g = (struct gizwits *) base;
    struct gizwits_command *c = find_command(g, token);
    ag_cleanup(ag_buf_deinit) struct ag_buf p0 = AG_BUF_INIT;
    struct ag_json_view view;
    int r = -EINVAL;

    if (!c)
        return -ENOENT;
    if (ag_json_parse(&text, DEPTH_MAX, &view) == 0)
        r = command_put_raw_id(&p0, text, &view, (struct ag_span){c->id, c->id_len});
    if (r == 0)
        r = send_answer(g, c, ag_buf_span(&p0));
    command_free(g, c);
    return r;
}

/* ---- the rest ---- */

static void on_set_log(struct gizwits *g, const char *app, uint16_t settings)
{
    struct gizwits_frame f = {.cmd = GIZWITS_SET_LOG_ACK};

    g->log_settings = settings;
    if (gizwits_publish(g, app, &f, 0) != 0)
        g->count.unsent++;
    gizwits_send_log(g, GIZWITS_LOG_INFO, "log", "log levels changed");
}

static void on_ack(struct gizwits *g, const char *app, const struct gizwits_frame *f)
{
    struct gizwits_out *o = gizwits_outs_take(&g->outs, app, f->sn);

    if (!o) {
        g->count.stray_acks++;
        return;
    }
    gizwits_method_acked(g, o, f->p0);
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
