/* SPDX-License-Identifier: MIT */
/*
 * What applications can ask of OneNET besides reports:
 *
 *   onenet.dp            data points of any type, see client/cloud/onenet/core/onenet_points.h; {"file":path} for large binary
 *   onenet.publish       {"topic","payload"|"base64","qos"?:0..2,"retain"?:bool}
 *   onenet.subscribe     {"topic","qos"?:0..2}; what arrives there is passed on as onenet.message
 *   onenet.unsubscribe   {"topic"}
 *   onenet.create_topic  {"topic"}                       HTTP, with the master key
 *   onenet.push          {"topic","payload"|"base64"}    HTTP, to devices that are online
 *
 * Answered ["ok"] when the platform has acknowledged, or with one error. Codes: -32602 bad argument, -32002 not
 * connected, -32000 no room, -32010 refused by the platform, -30011 no acknowledgement within 30 s.
 */
#include "client/cloud/onenet/onenet_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/onenet/core/onenet_topic.h"
#include "libagent/core/codes.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/text/message.h"
#include "libagent/io/file.h"
#include "libagent/core/deadline.h"

enum { PUSH_MAX = 65535, CALLS_MAX = 256, CALL_WAIT_MS = 30000 };

enum call_kind { CALL_PUBLISH, CALL_SUBSCRIBE, CALL_UNSUBSCRIBE, CALL_DP, CALL_HTTP };

struct onenet_call {
    struct ag_list link;
    struct onenet *o;
    uint32_t n;
    uint64_t due_ms; /* not of CALL_HTTP, which has a time-out of its own */
    enum call_kind kind;
    unsigned outstanding;
    bool lost;
    void (*done)(void *user, struct ag_span text);
    void *user;
    uint8_t qos;
    struct ag_buf topic;  /* with its NUL behind */
    struct ag_buf params; /* CALL_DP: what dp's spans point into */
    struct onenet_dp_request dp;
    bool has_dp;
    size_t dp_from;
    struct ag_buf binary;
};

/* ---- answers ---- */

static void call_free(struct onenet_call *call)
{
    ag_list_del(&call->link);
    if (call->has_dp)
        onenet_dp_request_deinit(&call->dp);
    ag_buf_deinit(&call->topic);
    ag_buf_deinit(&call->params);
    ag_buf_deinit(&call->binary);
    free(call);
}

static void answer_ok(struct onenet_call *call)
{
    ag_list_del(&call->link); /* done() may call again */
    call->done(call->user, AG_SPAN("{\"id\":0,\"result\":[\"ok\"]}"));
    call_free(call);
}

static void answer_error(struct onenet_call *call, int code, const char *message)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    ag_list_del(&call->link);
    if (code == AG_CODE_INVALID_PARAMS)
        call->o->count.calls_refused++;
    if (ag_msg_error(&b, AG_SPAN("0"), code, message, NULL) == 0)
        call->done(call->user, ag_buf_span(&b));
    else
        call->done(call->user, AG_SPAN("{\"id\":0,\"error\":{\"code\":-32603,\"message\":\"out of memory\"}}"));
    call_free(call);
}

static void answer_errno(struct onenet_call *call, int r)
{
    switch (r) {
    case -ENOTCONN:
        answer_error(call, AG_CODE_NOT_CONNECTED, "not connected");
        break;
    case -ENOBUFS:
        answer_error(call, AG_CODE_BUSY, "too many messages on their way");
        break;
    case -EMSGSIZE:
        answer_error(call, AG_CODE_INVALID_PARAMS, "too large");
        break;
    case -EINVAL:
        answer_error(call, AG_CODE_INVALID_PARAMS, "not well-formed");
        break;
    default:
        answer_error(call, AG_CODE_INTERNAL, strerror(-r));
        break;
    }
}

void onenet_method_fail_all(struct onenet *o, int code, const char *message)
{
    while (!ag_list_empty(&o->calls))
        answer_error(ag_list_first(&o->calls, struct onenet_call, link), code, message);
}

/* ---- arguments ---- */

/* Puts the topic into call->topic. NULL, or what is wrong. */
static const char *take_topic(struct onenet_call *call, struct ag_span params, bool point)
{
    struct ag_span raw = ag_json_get(params, "topic");
    int e;

    if (ag_json_type(params) != AG_JSON_OBJECT || ag_json_append_text(&call->topic, raw) != 0 || !ag_buf_cstr(&call->topic))
        return "topic must be a string";
    e = onenet_topic_check(ag_buf_span(&call->topic), point);
    return e ? onenet_topic_strerror(e) : NULL;
}

static const char *take_qos(struct ag_span params, uint8_t fallback, uint8_t *out)
{
    struct ag_span raw = ag_json_get(params, "qos");
    uint64_t v = fallback;

    if (raw.p && !ag_span_uint(raw, 2, &v))
        return "qos must be 0, 1 or 2";
    *out = (uint8_t) v;
    return NULL;
}

static const char *take_payload(struct ag_span params, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct ag_span payload = ag_json_get(params, "payload"), base64 = ag_json_get(params, "base64");

    if (!payload.p == !base64.p)
        return "either payload or base64 is needed";
    if (payload.p && ag_json_type(payload) != AG_JSON_STRING) /* JSON unchanged */
        return ag_json_append_compact(out, payload) == 0 ? NULL : "out of memory";
    if (payload.p)
        return ag_json_append_text(out, payload) == 0 ? NULL : "payload is not text";
    if (ag_json_append_text(&text, base64) != 0 || ag_base64_decode(out, ag_buf_span(&text)) != 0)
        return "base64 is not well-formed";
    return NULL;
}

/* ---- publish, subscribe, unsubscribe ---- */

static int start_publish(struct onenet_call *call, struct ag_span params, const char **why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
    struct ag_span retain = ag_json_get(params, "retain");
    struct mqtt_link_msg m;

    call->kind = CALL_PUBLISH;
    if ((*why = take_topic(call, params, false)) || (*why = take_qos(params, call->o->conf.qos, &call->qos)) ||
        (*why = take_payload(params, &payload)))
        return 0;
    if (retain.p && ag_json_type(retain) != AG_JSON_TRUE && ag_json_type(retain) != AG_JSON_FALSE) {
        *why = "retain must be true or false";
        return 0;
    }
    m = (struct mqtt_link_msg){ag_buf_cstr(&call->topic), ag_buf_span(&payload), call->qos,
                               retain.p && ag_json_type(retain) == AG_JSON_TRUE, false};
    call->outstanding = 1;
    return mqtt_link_publish(call->o->link, &m, onenet_cookie(ONENET_COOKIE_CALL, call->n));
}

static int start_subscribe(struct onenet_call *call, struct ag_span params, const char **why)
{
    struct onenet *o = call->o;

    call->kind = CALL_SUBSCRIBE;
    if ((*why = take_topic(call, params, true)) || (*why = take_qos(params, 1, &call->qos)))
        return 0;
    if (o->n_subs >= ONENET_SUBSCRIPTIONS_MAX && !onenet_sub_find(o, ag_buf_span(&call->topic))) {
        *why = "100 topics are subscribed already";
        return 0;
    }
    call->outstanding = 1;
    return mqtt_link_subscribe(o->link, ag_buf_cstr(&call->topic), call->qos, onenet_cookie(ONENET_COOKIE_CALL, call->n));
}

static int start_unsubscribe(struct onenet_call *call, struct ag_span params, const char **why)
{
    call->kind = CALL_UNSUBSCRIBE;
    if ((*why = take_topic(call, params, true)))
        return 0;
    call->outstanding = 1;
    return mqtt_link_unsubscribe(call->o->link, ag_buf_cstr(&call->topic), onenet_cookie(ONENET_COOKIE_CALL, call->n));
}

/* ---- data points ---- */

/* {"file":...}: nothing unless the owner has named a folder, and never a file from the folder of the keys. */
static int read_file(struct onenet_call *call, const char **why)
{
    const char *dir = call->o->conf.file_dir;
    int r;

    if (!dir) {
        *why = "onenet_file_dir is not set: no file is sent";
        return -EINVAL;
    }
    r = ag_file_read_below(dir, call->dp.file, call->o->env->data_dir, ONENET_DP_BINARY_MAX, &call->binary);
    *why = r == -EPERM ? "file must be a plain file below onenet_file_dir, without links and .."
                       : "file cannot be read, or is longer than 3 MiB";
    return r == -ENOMEM ? r : r < 0 ? -EINVAL : 0;
}

/* Sends as many payloads as the window takes. Only type 7 has more than one. */
static int pump_dp(struct onenet_call *call, const char **why)
{
    size_t end = call->dp.type == 2 ? 1 : call->dp.points.n;
    struct ag_span binary = ag_buf_span(call->dp.file.p ? &call->binary : &call->dp.binary);

    while (call->dp_from < end || (end == 0 && call->outstanding == 0)) {
        ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT;
        struct mqtt_link_msg m = {.topic = "$dp", .qos = call->qos};
        size_t from = call->dp_from;
        int r = onenet_dp_request_build(&call->dp, binary, &from, &payload);

        if (r > 0) {
            *why = onenet_dp_strerror(r);
            return 0;
        }
        m.payload = ag_buf_span(&payload);
        if (r == 0)
            r = mqtt_link_publish(call->o->link, &m, onenet_cookie(ONENET_COOKIE_CALL, call->n));
        if (r == -ENOBUFS && call->outstanding > 0)
            return 0;
        if (r < 0)
            return r;
        call->outstanding++;
        call->dp_from = call->dp.type == 2 ? 1 : from;
    }
    return 0;
}

static int start_dp(struct onenet_call *call, struct ag_span params, const char **why)
{
    int r = ag_buf_append_span(&call->params, params);

    call->kind = CALL_DP;
    if (r < 0)
        return r;
    r = onenet_dp_request_init(&call->dp, ag_buf_span(&call->params), onenet_utc_offset(call->o), why);
    if (r < 0)
        return *why && **why ? 0 : r;
    call->has_dp = true;
    call->qos = call->dp.qos < 0 ? call->o->conf.qos : (uint8_t) call->dp.qos;
    if (call->dp.file.p && (r = read_file(call, why)) < 0)
        return r == -EINVAL ? 0 : r;
    *why = NULL;
    return pump_dp(call, why);
}

/* ---- HTTP ---- */

void onenet_method_http_done(struct onenet_call *call, const char *error)
{
    if (error)
        answer_error(call, AG_CODE_REFUSED, error);
    else
        answer_ok(call);
}

static int append_percent(struct ag_buf *out, struct ag_span s)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s.len; i++) {
        if (s.p[i] == '/')
            r = ag_buf_append_str(out, "%2F");
        else
            r = ag_buf_append_char(out, s.p[i]); /* the rest of a topic needs no escape */
    }
    return r;
}

static int post(struct onenet_call *call, const char *path, struct ag_span body, const char **why)
{
    int r;

    call->kind = CALL_HTTP;
    if (!call->o->conf.http_key) {
        *why = "onenet_master_key is not set";
        return 0;
    }
    call->outstanding = 1;
    r = onenet_http_post(call->o, path, body, call);
    if (r == -ENOSYS) {
        *why = "built without HTTP";
        return 0;
    }
    return r == -EBUSY ? -ENOBUFS : r;
}

static int start_create_topic(struct onenet_call *call, struct ag_span params, const char **why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    int r;

    if ((*why = take_topic(call, params, false)))
        return 0;
    r = ag_buf_append_str(&body, "{\"name\":");
    if (r == 0)
        r = ag_buf_append_json_str(&body, call->topic.data, call->topic.len);
    if (r == 0)
        r = ag_buf_append_char(&body, '}');
    return r == 0 ? post(call, "/mqtt/topic", ag_buf_span(&body), why) : r;
}

static int start_push(struct onenet_call *call, struct ag_span params, const char **why)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf payload = AG_BUF_INIT, path = AG_BUF_INIT;
    int r;

    if ((*why = take_topic(call, params, false)) || (*why = take_payload(params, &payload)))
        return 0;
    if (ag_buf_size(&payload) > PUSH_MAX)
        return -EMSGSIZE;
    r = ag_buf_append_str(&path, "/mqtt?topic=");
    if (r == 0)
        r = append_percent(&path, ag_buf_span(&call->topic));
    if (r == 0 && !ag_buf_cstr(&path))
        r = -ENOMEM;
    return r == 0 ? post(call, path.data, ag_buf_span(&payload), why) : r;
}

/* ---- calls ---- */

static const struct {
    const char *method;
    int (*start)(struct onenet_call *call, struct ag_span params, const char **why);
} methods[] = {
    {"onenet.dp", start_dp},
    {"onenet.publish", start_publish},
    {"onenet.subscribe", start_subscribe},
    {"onenet.unsubscribe", start_unsubscribe},
    {"onenet.create_topic", start_create_topic},
    {"onenet.push", start_push},
};

static struct onenet_call *find_call(struct onenet *o, uint32_t n)
{
    ag_list_for_each (it, &o->calls) {
        struct onenet_call *call = ag_list_entry(it, struct onenet_call, link);

        if (call->n == n)
            return call;
    }
    return NULL;
}

static void finish(struct onenet_call *call, int result)
{
    struct onenet *o = call->o;
    struct onenet_sub *s;

    if (call->lost) {
        answer_error(call, AG_CODE_NOT_CONNECTED, "the connection was lost");
        return;
    }
    if (result == MQTT_LINK_DONE_REFUSED) {
        answer_error(call, AG_CODE_REFUSED, "the platform refused the subscription");
        return;
    }
    if (call->kind == CALL_SUBSCRIBE)
        onenet_sub_add(o, ag_buf_span(&call->topic), call->qos, true);
    else if (call->kind == CALL_UNSUBSCRIBE && (s = onenet_sub_find(o, ag_buf_span(&call->topic))))
        onenet_sub_remove(o, s);
    answer_ok(call);
}

void onenet_method_done(struct onenet *o, uint32_t n, int result)
{
    struct onenet_call *call = find_call(o, n);
    const char *why = NULL;
    int r = 0;

    if (!call)
        return;
    call->outstanding--;
    call->due_ms = uv_now(o->env->loop) + CALL_WAIT_MS; /* something moves */
    ag_list_del(&call->link);
    ag_list_append(&o->calls, &call->link);
    call->lost = call->lost || result == MQTT_LINK_DONE_LOST;
    if (call->kind == CALL_DP && !call->lost)
        r = pump_dp(call, &why);
    if (r < 0)
        answer_errno(call, r);
    else if (why)
        answer_error(call, AG_CODE_INVALID_PARAMS, why);
    else if (call->outstanding == 0)
        finish(call, result);
}

/* Calls are in the order of their deadlines. */
static struct onenet_call *next_due(const struct onenet *o)
{
    ag_list_for_each (it, &o->calls) {
        struct onenet_call *call = ag_list_entry(it, struct onenet_call, link);

        if (call->kind != CALL_HTTP)
            return call;
    }
    return NULL;
}

uint64_t onenet_method_due_ms(const struct onenet *o)
{
    const struct onenet_call *call = next_due(o);

    return call ? call->due_ms : AG_NEVER;
}

void onenet_method_expire(struct onenet *o, uint64_t now_ms)
{
    struct onenet_call *call;

    while ((call = next_due(o)) && call->due_ms <= now_ms)
        answer_error(call, AG_CODE_NO_ACK, "no acknowledgement");
}

static unsigned count_calls(const struct onenet *o)
{
    unsigned n = 0;

    ag_list_for_each (it, &o->calls)
        n++;
    return n;
}

static void start_call(struct onenet_call *call, size_t i, struct ag_span params)
{
    const char *why = NULL;
    int r;

    if (count_calls(call->o) > CALLS_MAX) {
        answer_errno(call, -ENOBUFS);
        return;
    }
    r = methods[i].start(call, params, &why);
    if (r < 0)
        answer_errno(call, r);
    else if (why)
        answer_error(call, AG_CODE_INVALID_PARAMS, why);
}

int onenet_local_method(struct cloud *base, struct ag_span method, struct ag_span params,
                        void (*done)(void *user, struct ag_span text), void *user)
{
    struct onenet *o = (struct onenet *) base;
    struct onenet_call *call;

    for (size_t i = 0; i < ag_array_size(methods); i++) {
        if (!ag_span_is(method, methods[i].method, strlen(methods[i].method)))
            continue;
        call = calloc(1, sizeof *call);
        if (!call) {
            done(user, AG_SPAN("{\"id\":0,\"error\":{\"code\":-32603,\"message\":\"out of memory\"}}"));
            return 0;
        }
        call->o = o;
        call->n = ++o->next_call;
        call->due_ms = uv_now(o->env->loop) + CALL_WAIT_MS;
        call->done = done;
        call->user = user;
        ag_list_append(&o->calls, &call->link);
        start_call(call, i, params);
        onenet_rearm(o);
        return 0;
    }
    return -ENOSYS;
}
