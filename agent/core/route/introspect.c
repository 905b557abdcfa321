/* SPDX-License-Identifier: MIT */
#include "agent/core/route/introspect.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "agent/core/route/commands.h"
#include "agent/core/route/control.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"
#include "libagent/core/json/json_walk.h"

enum { KEYS_LISTED = 64, ANSWER_MAX = 1024 * 1024 };

bool introspect_is_ours(struct ag_span method)
{
    return method.len > 6 && memcmp(method.p, "agent.", 6) == 0;
}

static void refuse(struct router *r, struct peer *from, const struct text *t, int code, const char *message)
{
    if (t->has_id)
        out_error_id(r, from, t->id, code, message, NULL);
}

static void refuse_right(struct router *r, struct peer *from, const struct text *t)
{
    r->stats.not_permitted++;
    refuse(r, from, t, AG_CODE_NOT_PERMITTED, "not permitted");
}

/* Sends what stands in b as the answer, or an error when it could not be built. */
static void answer(struct router *r, struct peer *from, const struct text *t, int e, const struct ag_buf *b)
{
    if (!t->has_id)
        return;
    if (e == 0)
        e = out_text(r, from, OUT_ANSWER, ag_buf_span(b));
    if (e == -ENOMEM)
        refuse(r, from, t, AG_CODE_BUSY, "out of memory");
}

static int answer_begin(struct ag_buf *b, const struct text *t)
{
    return ag_buf_printf(b, "{\"id\":%" PRIu32 ",\"result\":", t->id);
}

static void do_info(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int e = answer_begin(&b, t);

    if (e == 0)
        e = ag_buf_printf(&b,
                          "{\"version\":\"%s\",\"pid\":%d,\"uptime_ms\":%" PRIu64 ",\"upstream\":%s,\"peers\":%u,\"keys\":%u,"
                          "\"requests\":%u,\"commands\":%u,\"queued\":%zu,\"you\":%" PRIu64 ",\"limits\":",
                          MIIO_VERSION, (int) r->own_pid, r->now_ms - r->start_ms, r->upstream ? "true" : "false", r->n_peers,
                          r->subs.n_subs, r->requests.n, r->commands.n, r->queued, from->id);
    if (e == 0)
        e = limits_print(&r->limits, &b);
    if (e == 0)
        e = ag_buf_append_str(&b, ",\"unserved\":");
    if (e == 0)
        e = unserved_print(&r->unserved, r->now_ms, &b);
    if (e == 0)
        e = ag_buf_append_str(&b, "}}");
    answer(r, from, t, e, &b);
}

static void do_stats(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int e = answer_begin(&b, t);

    if (e == 0)
        e = stats_print(&r->stats, &b);
    if (e == 0)
        e = ag_buf_append_char(&b, '}');
    answer(r, from, t, e, &b);
}

static int print_key(const struct sub *s, struct ag_buf *b)
{
    struct ag_span name = {s->key->name, s->key->len};
    int e = ag_buf_append_json_str(b, name.p, name.len);

    if (e == 0 && s->key->prefix) {
        b->len--; /* the closing quote */
        e = ag_buf_append_str(b, "*\"");
    }
    return e;
}

static int print_keys(const struct peer *p, bool waiting, unsigned max, struct ag_buf *b)
{
    unsigned n = 0;
    int e = ag_buf_append_char(b, '[');

    ag_list_for_each (it, &p->subs) {
        const struct sub *s = ag_list_entry(it, struct sub, by_peer);

        if (e < 0 || n == max)
            break;
        if (waiting && s->active)
            continue;
        if (n++ > 0)
            e = ag_buf_append_char(b, ',');
        if (e == 0)
            e = print_key(s, b);
    }
    return e < 0 ? e : ag_buf_append_char(b, ']');
}

static int print_cred(const struct peer *p, struct ag_buf *b)
{
    int e = p->cred.known ? ag_buf_printf(b, "\"uid\":%u", p->cred.uid) : ag_buf_append_str(b, "\"uid\":null");

    if (e < 0)
        return e;
    return p->cred.pid > 0 ? ag_buf_printf(b, ",\"pid\":%d", p->cred.pid) : ag_buf_append_str(b, ",\"pid\":null");
}

static int print_peer(const struct peer *p, uint64_t now_ms, unsigned max_keys, struct ag_buf *b)
{
    int e = ag_buf_printf(b, "{\"peer\":%" PRIu64 ",", p->id);

    if (e == 0)
        e = print_cred(p, b);
    if (e == 0)
        e = ag_buf_printf(b,
                          ",\"encoding\":\"%s\",\"address\":%u,\"n_keys\":%u,\"queued\":%zu,\"requests\":%u,"
                          "\"commands\":%u,\"texts_in\":%" PRIu64 ",\"texts_out\":%" PRIu64 ",\"age_ms\":%" PRIu64
                          ",\"unanswered\":%" PRIu64 ",\"keys\":",
                          p->pack ? "msgpack" : "json", p->address, p->n_subs, ag_buf_size(&p->out), p->n_requests, p->n_asks,
                          p->texts_in, p->texts_out, now_ms - p->since_ms, p->n_unanswered);
    if (e == 0)
        e = print_keys(p, false, max_keys, b);
    if (e == 0)
        e = ag_buf_append_str(b, ",\"standby\":");
    if (e == 0)
        e = print_keys(p, true, max_keys, b);
    return e < 0 ? e : ag_buf_append_char(b, '}');
}

/* A member of params; absent when params are no object. */
static struct ag_json_value arg(const struct text *t, const char *name)
{
    struct ag_json_value params = {.type = AG_JSON_OBJECT};
    struct ag_json_view v;

    if (!control_params(t, &params.raw, &v))
        return (struct ag_json_value){.type = AG_JSON_NONE};
    return ag_json_member(params, name);
}

/* {"peer":N} in params; UINT64_MAX: all. */
static uint64_t wanted_peer(const struct text *t)
{
    struct ag_json_value peer = arg(t, "peer");
    uint64_t id;

    return peer.type == AG_JSON_NUMBER && ag_span_uint(peer.raw, UINT64_MAX - 1, &id) ? id : UINT64_MAX;
}

static void do_peers(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uint64_t wanted = wanted_peer(t);
    unsigned max_keys = wanted == UINT64_MAX ? KEYS_LISTED : UINT32_MAX;
    int e = answer_begin(&b, t);
    bool first = true;

    if (e == 0)
        e = ag_buf_append_char(&b, '[');
    ag_list_for_each (it, &r->peers) {
        const struct peer *p = ag_list_entry(it, struct peer, all);

        if (e < 0 || ag_buf_size(&b) > ANSWER_MAX)
            break;
        if (wanted != UINT64_MAX && p->id != wanted)
            continue;
        if (!first)
            e = ag_buf_append_char(&b, ',');
        if (e == 0)
            e = print_peer(p, r->now_ms, max_keys, &b);
        first = false;
    }
    if (e == 0)
        e = ag_buf_append_str(&b, "]}");
    answer(r, from, t, e, &b);
}

/* {"from":N} in params: from that line on. */
static void do_log(struct router *r, struct peer *from, const struct text *t)
{
    static const struct ag_log_ring nothing;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_value value = arg(t, "from");
    uint64_t line = 0;
    int e = answer_begin(&b, t);

    if (value.type == AG_JSON_NUMBER && !ag_span_uint(value.raw, UINT64_MAX, &line))
        line = 0;
    if (e == 0)
        e = ag_log_ring_put(r->log ? r->log : &nothing, line, &b);
    if (e == 0)
        e = ag_buf_append_char(&b, '}');
    answer(r, from, t, e, &b);
}

static void do_monitor(struct router *r, struct peer *from, const struct text *t)
{
    struct ag_json_value keys = arg(t, "keys");
    int e;

    if (arg(t, "on").type == AG_JSON_FALSE) {
        monitor_stop(r, from);
        e = 0;
    } else if (keys.type == AG_JSON_NONE) {
        e = monitor_start(r, from, (struct ag_span){NULL, 0});
    } else {
        e = keys.type == AG_JSON_ARRAY ? monitor_start(r, from, keys.raw) : -EINVAL;
    }
    if (e == 0 && t->has_id)
        out_ok(r, from, t->id);
    else if (e == -EINVAL)
        refuse(r, from, t, AG_CODE_INVALID_PARAMS, "keys must be an array of strings");
    else if (e == -EACCES)
        refuse_right(r, from, t);
    else if (e < 0)
        refuse(r, from, t, AG_CODE_BUSY, e == -ENOSPC ? "too many monitors" : "out of memory");
}

/* An id for a command of our own that upstream has none open under. */
static uint32_t draw_call_id(struct router *r)
{
    do
        r->next_call_id++;
    while (command_id_open(&r->commands, r->next_call_id));
    return r->next_call_id;
}

static int print_call(struct ag_buf *b, const struct text *t, uint32_t id, struct ag_span method, struct ag_span params)
{
    int e = ag_buf_append_char(b, '{');

    if (e == 0 && t->has_id)
        e = ag_buf_printf(b, "\"id\":%" PRIu32 ",", id);
    if (e == 0)
        e = ag_buf_append_str(b, "\"method\":");
    if (e == 0)
        e = ag_buf_append_span(b, method);
    if (e == 0)
        e = ag_buf_append_str(b, ",\"params\":");
    if (e == 0)
        e = ag_buf_append_span(b, params.p ? params : AG_SPAN("[]"));
    return e < 0 ? e : ag_buf_append_char(b, '}');
}

/* The command as a text of its own, under an id of ours. 0, -ENOMEM; -EINVAL: no method. */
static int read_call(struct ag_buf *b, const struct text *t, uint32_t id, struct ag_json_view *v, struct text *out)
{
    struct ag_span object, bytes;

    if (!control_params(t, &object, v) || v->at[AG_M_METHOD].type != AG_JSON_STRING)
        return -EINVAL;
    if (print_call(b, t, id, ag_view_raw(v, object.p, AG_M_METHOD), ag_view_raw(v, object.p, AG_M_PARAMS)) < 0)
        return -ENOMEM;
    bytes = ag_buf_span(b);
    if (ag_json_parse(&bytes, AG_JSON_DEPTH_MAX, v) != 0)
        return -EINVAL; /* cannot be: its parts are whole JSON values */
    text_read(out, bytes, v);
    return 0;
}

static void do_call(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view v;
    struct text command = {.method = {NULL, 0}};
    int e = read_call(&b, t, t->has_id ? draw_call_id(r) : 0, &v, &command);

    if (!rights_inject(r, from, command.method))
        refuse_right(r, from, t);
    else if (e == -ENOMEM)
        refuse(r, from, t, AG_CODE_BUSY, "out of memory");
    else if (e < 0)
        refuse(r, from, t, AG_CODE_INVALID_PARAMS, "params must be an object with a method");
    else if (command.bad)
        refuse(r, from, t, AG_CODE_INVALID_PARAMS, command.bad);
    else
        commands_route(r, r->now_ms, from, t->id, &command);
}

/* What an application must be allowed to do for a method of the agent's own. */
enum permission {
    BY_NAME, /* verb "call" for the method itself */
    BY_WHAT  /* a verb of its own for what params name: the method's function asks */
};

static const struct {
    const char *name;
    enum permission permission;
    void (*handle)(struct router *r, struct peer *from, const struct text *t);
} methods[] = {
    {"agent.info", BY_NAME, do_info}, {"agent.stats", BY_NAME, do_stats},     {"agent.peers", BY_NAME, do_peers},
    {"agent.log", BY_NAME, do_log},   {"agent.monitor", BY_WHAT, do_monitor}, {"agent.call", BY_WHAT, do_call},
};

void introspect_handle(struct router *r, struct peer *from, const struct text *t)
{
    size_t i = 0;

    while (i < ag_array_size(methods) && !ag_span_is(t->method, methods[i].name, strlen(methods[i].name)))
        i++;
    if ((i == ag_array_size(methods) || methods[i].permission == BY_NAME) && !rights_call(r, from, t))
        refuse_right(r, from, t);
    else if (i == ag_array_size(methods))
        refuse(r, from, t, AG_CODE_NOT_FOUND, "Method not found.");
    else
        methods[i].handle(r, from, t);
}
