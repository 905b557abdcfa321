/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/ask.h"

#include <string.h>
#include "agent/apps/web/core/password.h"
#include "libagent/core/json/json_iter.h"

enum { METHOD_MAX = 128 };

void web_call_deinit(struct web_call *c)
{
    ag_buf_deinit(&c->method);
    ag_buf_deinit(&c->params);
}

static bool is_object(struct ag_span *body)
{
    return ag_json_check(body, WEB_BODY_DEPTH_MAX) == 0 && ag_json_type(*body) == AG_JSON_OBJECT;
}

static const char *read_method(struct ag_span body, struct ag_buf *out)
{
    struct ag_span method = ag_json_get(body, "method");
    const char *text;

    if (!method.p || ag_json_type(method) != AG_JSON_STRING || ag_json_append_text(out, method) < 0)
        return "method must be a string";
    text = ag_buf_cstr(out);
    if (!text)
        return "out of memory";
    if (ag_buf_size(out) == 0 || ag_buf_size(out) > METHOD_MAX || strlen(text) != ag_buf_size(out))
        return "method must have 1 to 128 bytes";
    return NULL;
}

const char *web_ask_call(struct ag_span body, struct web_call *out)
{
    struct ag_span params, to, timeout;
    uint64_t ms = WEB_CALL_TIMEOUT_MS;
    const char *wrong;

    *out = (struct web_call){.timeout_ms = WEB_CALL_TIMEOUT_MS};
    if (!is_object(&body))
        return "the body must be a JSON object";
    wrong = read_method(body, &out->method);
    if (wrong)
        return wrong;
    params = ag_json_get(body, "params");
    if (params.p && ag_json_type(params) != AG_JSON_OBJECT && ag_json_type(params) != AG_JSON_ARRAY)
        return "params must be an array or an object";
    to = ag_json_get(body, "to");
    if (to.p && !ag_span_eq(to, "\"device\"") && !ag_span_eq(to, "\"client\""))
        return "to must be \"device\" or \"client\"";
    timeout = ag_json_get(body, "timeout_ms");
    if (timeout.p && (!ag_span_uint(timeout, WEB_CALL_TIMEOUT_MAX_MS, &ms) || ms == 0))
        return "timeout_ms must be 1 to 60000";
    out->up = to.p && ag_span_eq(to, "\"client\"");
    out->timeout_ms = (unsigned) ms;
    if (ag_json_append_compact(&out->params, params.p ? params : AG_SPAN("[]")) < 0 || !ag_buf_cstr(&out->params))
        return "out of memory";
    return NULL;
}

const char *web_ask_login(struct ag_span body, struct ag_buf *password)
{
    struct ag_span value;

    if (!is_object(&body))
        return "the body must be a JSON object";
    value = ag_json_get(body, "password");
    if (!value.p || ag_json_append_text(password, value) < 0)
        return "password must be a string";
    return ag_buf_size(password) > WEB_PASSWORD_MAX ? "the password is too long" : NULL;
}
