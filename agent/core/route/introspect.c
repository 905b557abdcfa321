/* SPDX-License-Identifier: MIT */
#include "agent/core/route/introspect.h"

#include <errno.h>
#include <string.h>
#include "agent/core/route/commands.h"
#include "agent/core/route/control.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"
#include "libagent/core/json/json_out.h"
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

static struct ag_json_out answer_begin(struct ag_buf *b, const struct text *t)
{
    struct ag_json_out o = ag_json_out_begin(b);

    ag_json_out_open(&o, '{');
    ag_json_out_name_u64(&o, "id", t->id);
    ag_json_out_name(&o, "result");
    return o;
}

/* Sends what was written, or an error when memory was short. */
static void answer(struct router *r, struct peer *from, const struct text *t, struct ag_json_out *o)
{
    int e;

    if (!t->has_id)
        return;
    ag_json_out_close(o, '}');
    e = ag_json_out_end(o);
    if (e == 0)
        e = out_text(r, from, OUT_ANSWER, ag_buf_span(o->buf));
    if (e == -ENOMEM)
        refuse(r, from, t, AG_CODE_BUSY, "out of memory");
}

static void do_info(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_out o = answer_begin(&b, t);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "version", MIIO_VERSION);
    ag_json_out_name_u64(&o, "pid", (uint64_t) r->own_pid);
    ag_json_out_name_u64(&o, "uptime_ms", r->now_ms - r->start_ms);
    ag_json_out_name_bool(&o, "upstream", r->upstream != NULL);
    ag_json_out_name_u64(&o, "peers", r->n_peers);
    ag_json_out_name_u64(&o, "keys", r->subs.n_subs);
    ag_json_out_name_u64(&o, "requests", r->requests.n);
    ag_json_out_name_u64(&o, "commands", r->commands.n);
    ag_json_out_name_u64(&o, "queued", r->queued);
    ag_json_out_name_u64(&o, "you", from->id);
    ag_json_out_name(&o, "limits");
    ag_json_out_value(&o);
    ag_json_out_done(&o, limits_print(&r->limits, &b));
    ag_json_out_name(&o, "unserved");
    ag_json_out_value(&o);
    ag_json_out_done(&o, unserved_print(&r->unserved, r->now_ms, &b));
    ag_json_out_close(&o, '}');
    answer(r, from, t, &o);
}

static void do_stats(struct router *r, struct peer *from, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_out o = answer_begin(&b, t);

    ag_json_out_value(&o);
    ag_json_out_done(&o, stats_print(&r->stats, &b));
    answer(r, from, t, &o);
}

static void put_key(struct ag_json_out *o, const struct sub *s)
{
    ag_json_out_text(o, (struct ag_span){s->key->name, s->key->len});
    if (s->key->prefix && o->error == 0) {
        o->buf->len--; /* the closing quote */
        ag_json_out_done(o, ag_buf_append_str(o->buf, "*\""));
    }
}

static void put_keys(struct ag_json_out *o, const char *name, const struct peer *p, bool waiting, unsigned max)
{
    unsigned n = 0;

    ag_json_out_name_open(o, name, '[');
    ag_list_for_each (it, &p->subs) {
        const struct sub *s = ag_list_entry(it, struct sub, by_peer);

        if (n == max)
            break;
        if (waiting && s->active)
            continue;
        put_key(o, s);
        n++;
    }
    ag_json_out_close(o, ']');
}

static void put_u64_or_null(struct ag_json_out *o, const char *name, bool known, uint64_t v)
{
    if (known)
        ag_json_out_name_u64(o, name, v);
    else
        ag_json_out_name_raw(o, name, AG_SPAN("null"));
}

static void put_peer(struct ag_json_out *o, const struct peer *p, uint64_t now_ms, unsigned max_keys)
{
    ag_json_out_open(o, '{');
    ag_json_out_name_u64(o, "peer", p->id);
    put_u64_or_null(o, "uid", p->cred.known, p->cred.uid);
    put_u64_or_null(o, "pid", p->cred.pid > 0, (uint64_t) p->cred.pid);
    ag_json_out_name_str(o, "encoding", p->pack ? "msgpack" : "json");
    ag_json_out_name_u64(o, "address", p->address);
    ag_json_out_name_u64(o, "n_keys", p->n_subs);
    ag_json_out_name_u64(o, "queued", ag_buf_size(&p->out));
    ag_json_out_name_u64(o, "requests", p->n_requests);
    ag_json_out_name_u64(o, "commands", p->n_asks);
    ag_json_out_name_u64(o, "texts_in", p->texts_in);
    ag_json_out_name_u64(o, "texts_out", p->texts_out);
    ag_json_out_name_u64(o, "age_ms", now_ms - p->since_ms);
    ag_json_out_name_u64(o, "unanswered", p->n_unanswered);
    put_keys(o, "keys", p, false, max_keys);
    put_keys(o, "standby", p, true, max_keys);
    ag_json_out_close(o, '}');
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
    struct ag_json_out o = answer_begin(&b, t);

    ag_json_out_open(&o, '[');
    ag_list_for_each (it, &r->peers) {
        const struct peer *p = ag_list_entry(it, struct peer, all);

        if (ag_buf_size(&b) > ANSWER_MAX)
            break;
        if (wanted == UINT64_MAX || p->id == wanted)
            put_peer(&o, p, r->now_ms, max_keys);
    }
    ag_json_out_close(&o, ']');
    answer(r, from, t, &o);
}

/* {"from":N} in params: from that line on. */
static void do_log(struct router *r, struct peer *from, const struct text *t)
{
    static const struct ag_log_ring nothing;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_value value = arg(t, "from");
    struct ag_json_out o = answer_begin(&b, t);
    uint64_t line = 0;

    if (value.type == AG_JSON_NUMBER && !ag_span_uint(value.raw, UINT64_MAX, &line))
        line = 0;
    ag_json_out_value(&o);
    ag_json_out_done(&o, ag_log_ring_put(r->log ? r->log : &nothing, line, &b));
    answer(r, from, t, &o);
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

/* An id for a command of our own, under which upstream has none open. */
static uint32_t draw_call_id(struct router *r)
{
    do
        r->next_call_id++;
    while (command_id_open(&r->commands, r->next_call_id));
    return r->next_call_id;
}

static int print_call(struct ag_buf *b, const struct text *t, uint32_t id, struct ag_span method, struct ag_span params)
{
    struct ag_json_out o = ag_json_out_begin(b);

    ag_json_out_open(&o, '{');
    if (t->has_id)
        ag_json_out_name_u64(&o, "id", id);
    ag_json_out_name_raw(&o, "method", method);
    ag_json_out_name_raw(&o, "params", params.p ? params : AG_SPAN("[]"));
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
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
