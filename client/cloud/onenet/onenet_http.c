/* SPDX-License-Identifier: MIT */
/* Requests to OneNET's HTTP side. The api-key goes into the header only: no log, no error text. */
#include "client/cloud/onenet/onenet_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/utf8.h"
#include "libagent/io/http/http.h"

enum { HTTP_TIMEOUT_MS = 15000, ERROR_MAX = 128 };

/* HTTP status is 200 even for errors; what counts is errno. NULL: it is 0. */
static const char *judge(const struct ag_http_result *result, char *text, size_t n)
{
    struct ag_span body = result->body, number, error;
    ag_cleanup(ag_buf_deinit) struct ag_buf decoded = AG_BUF_INIT;
    struct ag_json_view view;
    uint64_t code;

    if (result->end != AG_HTTP_OK)
        return ag_http_end_name(result->end);
    if (ag_json_parse(&body, 16, &view) != 0 || !(number = ag_json_get(body, "errno")).p) {
        snprintf(text, n, "HTTP status %d without errno", result->status);
        return text;
    }
    if (ag_span_uint(number, 0, &code))
        return NULL;
    error = ag_json_get(body, "error");
    if (!error.p || ag_json_append_text(&decoded, error) < 0)
        ag_buf_clear(&decoded);
    snprintf(text, n, "errno %.*s: %.*s", (int) (number.len < 20 ? number.len : 20), number.p,
             (int) ag_utf8_cut(ag_buf_span(&decoded), ERROR_MAX), ag_buf_head(&decoded) ? ag_buf_head(&decoded) : "");
    return text;
}

static void on_done(void *user, const struct ag_http_result *result)
{
    char text[256];

    onenet_method_http_done(user, judge(result, text, sizeof text));
}

static int send_request(struct onenet *o, const char *url, const char *key, struct ag_span body, struct onenet_call *call)
{
    const char *const headers[] = {key, "Content-Type: application/octet-stream", NULL};
    const struct ag_http_request req = {
        .method = AG_HTTP_POST,
        .url = url,
        .headers = headers,
        .body = body,
        .timeout_ms = HTTP_TIMEOUT_MS,
        .on_done = on_done,
        .user = call,
    };

    return ag_http_send(o->http, &req, NULL);
}

int onenet_http_post(struct onenet *o, const char *path, struct ag_span body, struct onenet_call *call)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf url = AG_BUF_INIT, key = AG_BUF_INIT;
    int r = 0;

    if (!o->http)
        r = ag_http_new(&o->http, o->env->loop);
    if (r == 0)
        r = ag_buf_printf(&url, "%s%s", o->conf.http_url, path);
    if (r == 0)
        r = ag_buf_printf(&key, "api-key: %s", o->conf.http_key);
    if (r < 0 || !ag_buf_cstr(&url) || !ag_buf_cstr(&key))
        return r < 0 ? r : -ENOMEM;
    r = send_request(o, url.data, key.data, body, call);
    explicit_bzero(key.data, key.len);
    return r;
}

static void on_closed(void *user)
{
    onenet_http_gone(user);
}

bool onenet_http_close(struct onenet *o)
{
    if (!o->http)
        return true;
    ag_http_close(o->http, on_closed, o);
    return false;
}
