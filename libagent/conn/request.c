/* SPDX-License-Identifier: MIT */
#include "libagent/conn/request.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/conn/due.h"
#include "libagent/conn/out.h"
#include "libagent/text/encode.h"

static char *put_string(char **at, struct ag_span s)
{
    char *start = *at;

    memcpy(start, s.p, s.len);
    start[s.len] = '\0';
    *at += s.len + 1;
    return start;
}

struct agent_request *ag_request_new(struct agent_conn *c, struct ag_span text, const struct ag_json_view *v,
                                     struct ag_span method)
{
    struct ag_span params = ag_view_has(v, AG_M_PARAMS) ? ag_view_raw(v, text.p, AG_M_PARAMS) : AG_SPAN("[]");
    struct agent_request *req = calloc(1, sizeof *req + text.len + method.len + params.len + 3);
    uint64_t n;
    char *at;

    if (!req)
        return NULL;
    at = req->bytes;
    req->refs = 1;
    req->conn = c;
    req->epoch = c->epoch;
    req->text_len = text.len;
    req->params_len = params.len;
    req->text = put_string(&at, text);
    req->method = put_string(&at, method);
    req->params = put_string(&at, params);
    req->has_id = ag_view_has(v, AG_M_ID) && v->at[AG_M_ID].type != AG_JSON_NULL;
    if (req->has_id)
        req->id_raw = ag_view_raw(v, req->text, AG_M_ID);
    if (ag_view_uint(v, text.p, AG_M_ID, UINT32_MAX, &n)) {
        req->id_is_u32 = true;
        req->id = (uint32_t) n;
    }
    req->from_app = ag_view_has(v, AG_M_FROM);
    if (ag_view_uint(v, text.p, AG_M_FROM, UINT32_MAX, &n))
        req->from = (uint32_t) n;
    ag_list_append(&c->requests, &req->link);
    return req;
}

void ag_request_detach(struct agent_request *req)
{
    ag_list_del(&req->link);
    req->conn = NULL;
}

static void answer_failed(struct agent_request *req)
{
    int r = agent_reply_error(req, -5001, "failed");

    if (r < 0 && r != AGENT_E_LOST && req->conn)
        ag_conn_logf(req->conn, AGENT_LOG_WARNING, "%s: no answer could be sent: %s", req->method, agent_strerror(r));
}

void ag_request_run(struct agent_request *req, agent_request_fn fn, void *user)
{
    int r = fn(req, user);

    if (r < 0 && !req->answered)
        answer_failed(req);
}

AGENT_API agent_request *agent_request_ref(agent_request *req)
{
    if (req)
        req->refs++;
    return req;
}

AGENT_API agent_request *agent_request_unref(agent_request *req)
{
    if (!req || --req->refs > 0)
        return NULL;
    if (!req->answered && req->has_id)
        answer_failed(req);
    ag_list_del(&req->link);
    free(req->origin);
    free(req);
    return NULL;
}

AGENT_API void agent_request_unrefp(agent_request **req)
{
    if (req)
        *req = agent_request_unref(*req);
}

AGENT_API const char *agent_request_method(const agent_request *req)
{
    return req ? req->method : NULL;
}

AGENT_API const char *agent_request_params(const agent_request *req)
{
    return req ? req->params : NULL;
}

AGENT_API const char *agent_request_text(const agent_request *req)
{
    return req ? req->text : NULL;
}

AGENT_API int agent_request_id(const agent_request *req, uint32_t *ret_id)
{
    if (!req)
        return -EINVAL;
    if (!req->has_id)
        return 0;
    if (!req->id_is_u32)
        return -ERANGE;
    if (ret_id)
        *ret_id = req->id;
    return 1;
}

AGENT_API uint32_t agent_request_from(const agent_request *req)
{
    return req ? req->from : 0;
}

AGENT_API const char *agent_request_origin(const agent_request *req)
{
    struct agent_request *r = (struct agent_request *) (uintptr_t) req; /* to remember it */
    struct ag_json_value v;
    long n;

    if (!req || req->from_app || req->origin)
        return req ? req->origin : NULL;
    v = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, {req->text, req->text_len}}, "_origin");
    if (v.type != AG_JSON_STRING || !(r->origin = malloc(v.raw.len)))
        return NULL;
    n = ag_json_unescape(v.raw, r->origin, v.raw.len - 1);
    if (n < 0 || memchr(r->origin, '\0', (size_t) n)) {
        free(ag_steal(&r->origin));
        return NULL;
    }
    r->origin[n] = '\0';
    return r->origin;
}

AGENT_API agent_conn *agent_request_conn(const agent_request *req)
{
    return req ? req->conn : NULL;
}

/* May it be answered? 1: yes, 0: yes, but nobody wants the answer, negative: no. */
static int may_answer(const struct agent_request *req)
{
    if (req->answered)
        return AGENT_E_ANSWERED;
    if (!req->conn || req->conn->epoch != req->epoch)
        return AGENT_E_LOST;
    return req->has_id && (!req->from_app || req->from != 0);
}

struct answer {
    struct ag_value result;
    const char *message, *data; /* message NULL: the result, else the error */
    int code;
};

static int answer(struct agent_request *req, const struct answer *a)
{
    int wanted = req->conn && ag_conn_check(req->conn) < 0 ? -ECHILD : may_answer(req), r = wanted;

    if (wanted > 0) {
        struct ag_buf *text = ag_conn_scratch(req->conn);

        r = a->message ? ag_encode_error(text, req->id_raw, req->from, a->code, a->message, a->data)
                       : ag_encode_result(text, req->id_raw, req->from, &a->result);
        if (r == 0)
            r = ag_conn_queue(req->conn, ag_buf_span(text));
    }
    if (r < 0)
        return r == -ENOTCONN ? AGENT_E_LOST : r;
    req->answered = true;
    if (wanted > 0)
        ag_due_kick(req->conn);
    return 0;
}

AGENT_API int agent_reply(agent_request *req, const char *result)
{
    return req ? answer(req, &(struct answer){.result = {.text = result}}) : -EINVAL;
}

AGENT_API int agent_replyf(agent_request *req, const char *format, ...)
{
    struct answer a = {.result = {.format = format}};
    va_list ap;
    int r;

    if (!req || !format)
        return -EINVAL;
    va_start(ap, format);
    a.result.ap = &ap;
    r = answer(req, &a);
    va_end(ap);
    return r;
}

AGENT_API int agent_reply_error_data(agent_request *req, int code, const char *message, const char *data)
{
    struct answer a = {.code = code, .message = message ? message : "error", .data = data};

    return req ? answer(req, &a) : -EINVAL;
}

AGENT_API int agent_reply_error(agent_request *req, int code, const char *message)
{
    return agent_reply_error_data(req, code, message, NULL);
}

AGENT_API int agent_request_ignore(agent_request *req)
{
    if (!req)
        return -EINVAL;
    if (req->answered)
        return AGENT_E_ANSWERED;
    req->answered = true;
    return 0;
}
