/* SPDX-License-Identifier: MIT */
/*
 * What applications can ask of Gizwits besides reports:
 *
 *   gizwits.send        {"app"?:id, "text"|"base64":bytes, "ack"?:bool}
 *                       to one App, or without "app" to all; with ack as 0x0093: answered when the App has
 *                       acknowledged, with what it sent along, if anything
 *   gizwits.query_apps  [] -> [number of Apps online]
 *   gizwits.log         {"level":"error"|"warning"|"info", "tag"?, "source"?, "text"}
 *                       sent while its level is switched on
 *
 * Codes: -32602 bad argument, -32002 not connected, -32000 no room, -30011 no answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits/gizwits_priv.h"
#include "libagent/core/codes.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/utf8.h"
#include "libagent/core/text/message.h"
#include "libagent/core/deadline.h"

enum { CALLS_MAX = 64, APPS_WAIT_MS = 5000 };

struct gizwits_call {
    struct ag_list link; /* in gizwits.calls while it waits for the number of Apps */
    uint64_t due_ms;
    void (*done)(void *user, struct ag_span text);
    void *user;
};

/* ---- answers; each frees the call ---- */

static void end_text(struct gizwits_call *call, struct ag_span text)
{
    ag_list_del(&call->link);
    call->done(call->user, text);
    free(call);
}

static void end_ok(struct gizwits_call *call)
{
    end_text(call, AG_SPAN("{\"id\":0,\"result\":[\"ok\"]}"));
}

static void end_error(struct gizwits_call *call, int code, const char *message)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (ag_msg_error(&b, AG_SPAN("0"), code, message, NULL) == 0)
        end_text(call, ag_buf_span(&b));
    else
        end_text(call, AG_SPAN("{\"id\":0,\"error\":{\"code\":-32603,\"message\":\"out of memory\"}}"));
}

static void end_code(struct gizwits_call *call, int r)
{
    if (r == 0)
        end_ok(call);
    else if (r > 0)
        end_error(call, AG_CODE_INVALID_PARAMS, r == GIZWITS_E_LIMIT ? "longer than 65535 bytes" : gizwits_frame_error(r));
    else if (r == -ENOTCONN)
        end_error(call, AG_CODE_NOT_CONNECTED, "not connected");
    else if (r == -ENOBUFS)
        end_error(call, AG_CODE_BUSY, "too many messages on their way");
    else
        end_error(call, AG_CODE_INTERNAL, strerror(-r));
}

/* ---- gizwits.send ---- */

struct send_args {
    char app[GIZWITS_APP_MAX + 1];
    struct ag_buf bytes;
    bool ack;
};

static const char *take_app(struct send_args *a, struct ag_span raw)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf app = AG_BUF_INIT;

    if (!raw.p)
        return NULL;
    if (ag_json_append_text(&app, raw) != 0 || !gizwits_app_ok(ag_buf_span(&app)))
        return "app must be an App's client id";
    memcpy(a->app, ag_buf_head(&app), ag_buf_size(&app));
    return NULL;
}

static const char *take_bytes(struct send_args *a, struct ag_span params)
{
    struct ag_span text = ag_json_get(params, "text"), base64 = ag_json_get(params, "base64");
    ag_cleanup(ag_buf_deinit) struct ag_buf coded = AG_BUF_INIT;

    if (!text.p == !base64.p)
        return "one of text and base64 is needed";
    if (text.p)
        return ag_json_append_text(&a->bytes, text) == 0 ? NULL : "text must be a string";
    if (ag_json_append_text(&coded, base64) != 0 || ag_base64_decode(&a->bytes, ag_buf_span(&coded)) != 0)
        return "base64 is not well-formed";
    return NULL;
}

static const char *take_args(struct send_args *a, struct ag_span params)
{
    struct ag_span ack = ag_json_get(params, "ack");
    const char *why;

    if (ag_json_type(params) != AG_JSON_OBJECT)
        return "params must be an object";
    if (ack.p && ag_json_type(ack) != AG_JSON_TRUE && ag_json_type(ack) != AG_JSON_FALSE)
        return "ack must be true or false";
    a->ack = ack.p && ag_json_type(ack) == AG_JSON_TRUE;
    why = take_app(a, ag_json_get(params, "app"));
    return why ? why : take_bytes(a, params);
}

/* The call belongs to the entry until the acknowledgement, or until the tries are used up. */
static int send_acked(struct gizwits *g, struct gizwits_call *call, const struct send_args *a)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ACKED, .sn = ++g->store.sn, .p0 = ag_buf_span(&a->bytes)};
    ag_cleanup(ag_buf_deinit) struct ag_buf frame = AG_BUF_INIT;
    char topic[GIZWITS_TOPIC_MAX];
    int r;

    if (!gizwits_online(g))
        return -ENOTCONN;
    if (g->outs.n >= GIZWITS_OUT_MAX)
        return -ENOBUFS;
    r = gizwits_frame_build(&f, &frame);
    if (r == 0)
        r = gizwits_publish_bytes(g, gizwits_topic_to_app(g->store.did, a->app, topic), ag_buf_span(&frame), true, 0);
    if (r == 0)
        r = gizwits_outs_add(&g->outs, a->app, f.sn, &frame, call, uv_now(g->env->loop));
    if (r == 0)
        gizwits_rearm(g);
    return r == GIZWITS_OUT_E_FULL ? -ENOBUFS : r;
}

static void do_send(struct gizwits *g, struct gizwits_call *call, struct ag_span params)
{
    struct send_args a = {.app = "", .bytes = AG_BUF_INIT};
    const char *why = take_args(&a, params);
    struct gizwits_frame f = {.cmd = GIZWITS_TO_APP, .p0 = ag_buf_span(&a.bytes)};
    int r;

    if (why) {
        g->count.calls_refused++;
        end_error(call, AG_CODE_INVALID_PARAMS, why);
    } else if (!a.ack) {
        end_code(call, gizwits_publish(g, a.app, &f, 0));
    } else {
        r = send_acked(g, call, &a);
        if (r != 0)
            end_code(call, r);
    }
    ag_buf_deinit(&a.bytes);
}

void gizwits_method_acked(struct gizwits_out *o, struct ag_span p0)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct gizwits_call *call = o->user;
    bool plain = ag_utf8_valid(p0) && (p0.len == 0 || !memchr(p0.p, '\0', p0.len));
    struct ag_json_out out = ag_json_out_begin(&text);
    int r;

    gizwits_out_free(o);
    if (p0.len == 0) {
        end_ok(call);
        return;
    }
    ag_json_out_open(&out, '{');
    ag_json_out_name_u64(&out, "id", 0);
    ag_json_out_name_open(&out, "result", '{');
    ag_json_out_name(&out, plain ? "text" : "base64");
    if (plain) {
        ag_json_out_text(&out, p0);
    } else {
        ag_json_out_value(&out);
        ag_json_out_done(&out, ag_buf_append_char(&text, '"'));
        ag_json_out_done(&out, ag_base64_encode(&text, p0.p, p0.len));
        ag_json_out_done(&out, ag_buf_append_char(&text, '"'));
    }
    ag_json_out_close(&out, '}');
    ag_json_out_close(&out, '}');
    r = ag_json_out_end(&out);
    if (r == 0)
        end_text(call, ag_buf_span(&text));
    else
        end_code(call, r);
}

void gizwits_method_gave_up(struct gizwits_out *o, int code, const char *message)
{
    struct gizwits_call *call = o->user;

    gizwits_out_free(o);
    end_error(call, code, message);
}

/* ---- gizwits.query_apps ---- */

static void do_query(struct gizwits *g, struct gizwits_call *call)
{
    struct gizwits_frame f = {.cmd = GIZWITS_ASK_APPS};
    ag_cleanup(ag_buf_deinit) struct ag_buf frame = AG_BUF_INIT;
    int r = gizwits_frame_build(&f, &frame);

    if (r == 0)
        r = gizwits_publish_bytes(g, g->conf.request_topic, ag_buf_span(&frame), true, 0);
    if (r != 0) {
        end_code(call, r);
        return;
    }
    call->due_ms = uv_now(g->env->loop) + APPS_WAIT_MS;
    ag_list_append(&g->calls, &call->link);
    gizwits_rearm(g);
}

void gizwits_method_apps(struct gizwits *g, unsigned n)
{
    struct ag_list all;

    ag_list_init(&all);
    ag_list_splice(&all, &g->calls);
    while (!ag_list_empty(&all)) {
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
        struct gizwits_call *call = ag_list_first(&all, struct gizwits_call, link);

        if (ag_buf_printf(&text, "{\"id\":0,\"result\":[%u]}", n) == 0)
            end_text(call, ag_buf_span(&text));
        else
            end_code(call, -ENOMEM);
    }
}

uint64_t gizwits_method_deadline(const struct gizwits *g)
{
    const struct gizwits_call *c = ag_list_first(&g->calls, struct gizwits_call, link);

    return c ? c->due_ms : AG_NEVER;
}

void gizwits_method_expire(struct gizwits *g, uint64_t now_ms)
{
    while (gizwits_method_deadline(g) <= now_ms)
        end_error(ag_list_first(&g->calls, struct gizwits_call, link), AG_CODE_NO_ACK, "no answer");
}

/* ---- gizwits.log ---- */

static bool take_level(struct ag_span raw, uint8_t *level)
{
    if (raw.p && ag_span_eq(raw, "\"error\""))
        *level = GIZWITS_LOG_ERROR;
    else if (raw.p && ag_span_eq(raw, "\"warning\""))
        *level = GIZWITS_LOG_WARNING;
    else if (raw.p && ag_span_eq(raw, "\"info\""))
        *level = GIZWITS_LOG_INFO;
    else
        return false;
    return true;
}

static bool take_text(struct ag_buf *out, struct ag_span raw, const char *fallback)
{
    if (!raw.p)
        return fallback && ag_buf_append_str(out, fallback) == 0;
    return ag_json_append_text(out, raw) == 0;
}

static void do_log(struct gizwits *g, struct gizwits_call *call, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf tag = AG_BUF_INIT, source = AG_BUF_INIT, text = AG_BUF_INIT;
    struct gizwits_frame f = {.cmd = GIZWITS_LOG};

    if (ag_json_type(params) != AG_JSON_OBJECT || !take_level(ag_json_get(params, "level"), &f.level)) {
        g->count.calls_refused++;
        end_error(call, AG_CODE_INVALID_PARAMS, "level must be error, warning or info");
        return;
    }
    if (!take_text(&tag, ag_json_get(params, "tag"), "app") || !take_text(&source, ag_json_get(params, "source"), "app") ||
        !take_text(&text, ag_json_get(params, "text"), NULL)) {
        g->count.calls_refused++;
        end_error(call, AG_CODE_INVALID_PARAMS, "text must be a string, and tag and source, if given");
        return;
    }
    f.tag = ag_buf_span(&tag);
    f.source = ag_buf_span(&source);
    f.text = ag_buf_span(&text);
    if (!gizwits_log_wanted(g->log_settings, (enum gizwits_log_level) f.level))
        end_ok(call); /* nobody wants it: that is no error */
    else
        end_code(call, gizwits_publish(g, "", &f, 0));
}

/* ---- the door ---- */

void gizwits_method_fail_all(struct gizwits *g, int code, const char *message)
{
    struct gizwits_out *o;

    while (!ag_list_empty(&g->calls))
        end_error(ag_list_first(&g->calls, struct gizwits_call, link), code, message);
    while ((o = gizwits_outs_take_any(&g->outs)))
        gizwits_method_gave_up(o, code, message);
}

static unsigned n_waiting(const struct gizwits *g)
{
    unsigned n = 0;

    ag_list_for_each (it, &g->calls)
        n++;
    return n;
}

int gizwits_local_method(struct cloud *base, struct ag_span method, struct ag_span params,
                         void (*done)(void *user, struct ag_span text), void *user)
{
    struct gizwits *g = (struct gizwits *) base;
    struct gizwits_call *call;

    if (!ag_span_eq(method, "gizwits.send") && !ag_span_eq(method, "gizwits.query_apps") && !ag_span_eq(method, "gizwits.log"))
        return -ENOSYS;
    call = calloc(1, sizeof *call);
    if (!call)
        return -ENOMEM;
    ag_list_init(&call->link);
    call->done = done;
    call->user = user;
    if (ag_span_eq(method, "gizwits.send"))
        do_send(g, call, params);
    else if (ag_span_eq(method, "gizwits.log"))
        do_log(g, call, params);
    else if (n_waiting(g) >= CALLS_MAX)
        end_error(call, AG_CODE_BUSY, "too many calls");
    else
        do_query(g, call);
    return 0;
}
