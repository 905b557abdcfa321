/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/apps/web/bus.h"
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/core/setup.h"
#include "agent/apps/web/files.h"
#include "agent/apps/web/io/secret.h"
#include "agent/apps/web/pages.h"
#include "libagent/core/log/log.h"

enum { BUNDLE_MAX = 8 << 20, BUNDLE_MS = 30000, NETWORKS_OUT_MAX = 65536, NETWORKS_MS = 20000, SETUP_MS = 15000 };

#define COOKIE "miio_session"

/* ---- who is asking ---- */

static bool is_local_friend(const struct web *w, const struct web_request *req)
{
    if (w->options->any_local_user)
        return true;
    return req->conn->uid_known && (req->conn->uid == 0 || req->conn->uid == geteuid());
}

static bool is_in(struct web *w, struct web_request *req)
{
    if (!w->options->has_password)
        return is_local_friend(w, req);
    return web_sessions_use(&w->sessions, uv_now(w->loop), web_cookie_get(req->cookie, COOKIE));
}

static void put_or_fail(struct web_request *req, int r)
{
    if (r < 0)
        web_answer_error(req, 503, "out of memory");
    else
        web_answer(req, 200);
}

static void do_session(struct web *w, struct web_request *req)
{
    bool in = is_in(w, req);

    put_or_fail(req, ag_buf_printf(&req->answer, "{\"in\":%s,\"password\":%s}", in ? "true" : "false",
                                   w->options->has_password ? "true" : "false"));
}

/* ---- log in ---- */

static void set_cookie(const struct web *w, struct web_request *req, const char *value, unsigned seconds)
{
    snprintf(req->set_cookie, sizeof req->set_cookie, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s", value,
             seconds, w->server.tls ? "; Secure" : "");
}

static void let_in(struct web *w, struct web_request *req)
{
    unsigned char random[WEB_TOKEN_BYTES];
    char token[WEB_TOKEN_LEN + 1];

    if (web_random(random, sizeof random) < 0) {
        web_answer_error(req, 503, "no random numbers");
        return;
    }
    web_sessions_add(&w->sessions, uv_now(w->loop), random, token);
    set_cookie(w, req, token, w->options->life_ms / 1000);
    put_or_fail(req, ag_buf_append_str(&req->answer, "{\"in\":true}"));
}

static void on_password(int r, void *user)
{
    struct web_request *req = user;
    struct web *w = req->server->user;
    unsigned char key[WEB_LIMITER_KEY];

    web_request_key(req, key);
    if (r == 0) {
        web_limiter_right(&w->limiter, key);
        ag_log(AG_LOG_INFO, "logged in");
        let_in(w, req);
    } else if (r > 0) {
        ag_log(AG_LOG_WARNING, "wrong password");
        web_answer_error(req, 403, "wrong password");
    } else {
        ag_log(AG_LOG_ERROR, "the password cannot be checked: %s", strerror(-r));
        web_answer_error(req, 503, "the password cannot be checked now");
    }
}

static void do_login(struct web *w, struct web_request *req)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf password = AG_BUF_SECRET_INIT;
    unsigned char key[WEB_LIMITER_KEY];
    const char *wrong = web_ask_login(ag_buf_span(&req->body), &password);

    if (!w->options->has_password || wrong) {
        web_answer_error(req, 400, wrong ? wrong : "no password is set");
        return;
    }
    web_request_key(req, key);
    req->retry_s = web_limiter_try(&w->limiter, uv_now(w->loop), key);
    if (req->retry_s > 0)
        web_answer_error(req, 429, "too many tries");
    else if (w->stopping || web_password_test(w->loop, &w->options->password, &password, on_password, req) < 0)
        web_answer_error(req, 503, "the password cannot be checked now");
    else
        web_request_wait(req);
}

static void do_logout(struct web *w, struct web_request *req)
{
    struct ag_span token = web_cookie_get(req->cookie, COOKIE);

    if (token.p) {
        web_pages_end(w, token);
        web_sessions_drop(&w->sessions, token);
    }
    set_cookie(w, req, "", 0);
    put_or_fail(req, ag_buf_append_str(&req->answer, "{\"in\":false}"));
}

/* ---- files ---- */

static bool has_etag(const struct web_request *req, const char *etag)
{
    const char *known = MHD_lookup_connection_value(req->conn->mhd, MHD_HEADER_KIND, "If-None-Match");

    return known && strcmp(known, etag) == 0;
}

static void do_file(struct web_request *req)
{
    const struct web_file *f = web_files;

    while (f->path && !ag_span_is(req->route.path, f->path, strlen(f->path)))
        f++;
    if (!f->path) {
        web_answer_error(req, 404, "no such page");
        return;
    }
    req->type = f->type;
    req->etag = f->etag;
    req->fixed = f->data;
    req->fixed_len = f->len;
    if (has_etag(req, f->etag)) {
        req->fixed_len = 0;
        web_answer(req, 304);
    } else {
        web_answer(req, 200);
    }
}

/* ---- the device ---- */

static void do_call(struct web *w, struct web_request *req)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_call call;
    const char *wrong = web_ask_call(ag_buf_span(&req->body), &call);
    int r;

    if (wrong) {
        web_answer_error(req, 400, wrong);
    } else if (call.up) {
        web_bus_ask(w, req, ag_buf_head(&call.method), ag_buf_head(&call.params), call.timeout_ms);
    } else {
        r = ag_buf_append_str(&b, "{\"method\":");
        if (r == 0)
            r = ag_buf_append_json_str(&b, ag_buf_head(&call.method), ag_buf_size(&call.method));
        if (r == 0)
            r = ag_buf_printf(&b, ",\"params\":%s}", ag_buf_head(&call.params));
        if (r < 0 || !ag_buf_cstr(&b))
            web_answer_error(req, 503, "out of memory");
        else
            web_bus_ask(w, req, "agent.call", ag_buf_head(&b), call.timeout_ms);
    }
    web_call_deinit(&call);
}

static void do_history(struct web *w, struct web_request *req)
{
    char name[WEB_VALUE_NAME_MAX + 1];
    int r = web_query_get(req->route.query, "name", name, sizeof name) ? 0 : -ENOENT;

    if (r == 0)
        r = web_curve_print(&w->values, name, uv_now(w->loop), &req->answer);
    if (r == -ENOENT)
        web_answer_error(req, 404, "no such number has been reported");
    else
        put_or_fail(req, r);
}

static void do_log(struct web *w, struct web_request *req)
{
    char of[8], params[48];

    web_query_get(req->route.query, "of", of, sizeof of);
    snprintf(params, sizeof params, "{\"from\":%" PRIu64 "}", web_query_number(req->route.query, "from", UINT64_MAX, 0));
    web_bus_ask(w, req, strcmp(of, "agent") == 0 ? "agent.log" : "client.log", params, WEB_CALL_TIMEOUT_MS);
}

static void do_model(struct web *w, struct web_request *req)
{
    if (ag_buf_size(&w->model) == 0) {
        web_answer_error(req, 404, "no model was given");
        return;
    }
    req->fixed = ag_buf_head(&w->model);
    req->fixed_len = ag_buf_size(&w->model);
    web_answer(req, 200);
}

/* ---- programs ---- */

static void on_bundle(bool good, struct ag_buf *output, const char *why, void *user)
{
    struct web_request *req = user;

    if (!good || ag_buf_size(output) == 0) {
        ag_log(AG_LOG_WARNING, "bundle: %s", why ? why : "nothing was written");
        web_answer_error(req, 502, why ? why : "the program wrote nothing");
        return;
    }
    req->answer = *output;
    *output = (struct ag_buf) AG_BUF_INIT;
    req->type = "application/x-tar";
    req->disposition = "attachment; filename=\"miio-bundle.tar\"";
    web_answer(req, 200);
}

static void do_bundle(struct web *w, struct web_request *req)
{
    const char *const plain[] = {w->options->miioctl, "bundle", "-", NULL};
    const char *const there[] = {w->options->miioctl, "--agent", w->options->agent, "bundle", "-", NULL};
    int r = w->stopping ? -ESHUTDOWN
                        : web_child_run(&w->children, w->options->agent ? there : plain, BUNDLE_MAX, BUNDLE_MS, on_bundle, req);

    if (r == 0)
        web_request_wait(req);
    else
        web_answer_error(req, 502, r == -ENOENT ? "miioctl is not installed here" : strerror(-r));
}

static void on_networks(bool good, struct ag_buf *output, const char *why, void *user)
{
    struct web_request *req = user;
    struct web *w = req->server->user;
    int r;

    if (!good) {
        ag_log(AG_LOG_WARNING, "%s: %s", w->options->networks, why);
        web_answer_error(req, 502, why);
        return;
    }
    ag_buf_clear(&w->networks);
    r = web_networks_print(ag_buf_span(output), &w->networks);
    if (r == 0)
        r = ag_buf_append_span(&req->answer, ag_buf_span(&w->networks));
    put_or_fail(req, r);
}

static void do_networks(struct web *w, struct web_request *req)
{
    const char *const args[] = {w->options->networks, NULL};
    int r;

    if (!w->options->networks || w->stopping) {
        web_answer_error(req, 404, "no program lists networks here");
        return;
    }
    r = web_child_run(&w->children, args, NETWORKS_OUT_MAX, NETWORKS_MS, on_networks, req);
    if (r == 0)
        web_request_wait(req);
    else
        web_answer_error(req, 502, strerror(-r));
}

/* ---- set-up ---- */

static bool zone_is_known(const char *zone)
{
    char path[128];

    if (!zone[0] || access("/usr/share/zoneinfo", X_OK) < 0)
        return true;
    if (zone[0] == '/' || zone[0] == '.' || strstr(zone, "/.") ||
        strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") != strlen(zone))
        return false;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    return access(path, R_OK) == 0;
}

static void set_up(struct web *w, struct web_request *req, const struct web_setup *s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_SECRET_INIT;

    if (web_setup_print(s, &b) < 0 || !ag_buf_cstr(&b))
        web_answer_error(req, 503, "out of memory");
    else
        web_bus_ask(w, req, "local.ble.config_router", ag_buf_head(&b), SETUP_MS);
}

static struct ag_span known(const struct ag_buf *b)
{
    return ag_buf_size(b) ? ag_buf_span(b) : (struct ag_span){NULL, 0};
}

static void do_setup(struct web *w, struct web_request *req)
{
    struct web_setup s;
    const char *wrong = web_ask_setup(ag_buf_span(&req->body), &s);
    struct web_setup_facts facts = {known(&w->status), known(&w->networks), wrong || zone_is_known(s.zone)};
    int r;

    if (wrong) {
        web_answer_error(req, 400, wrong);
    } else {
        r = web_setup_check(&s, &facts, &req->answer);
        if (r <= 0 || s.check_only) {
            put_or_fail(req, r);
        } else {
            ag_buf_clear(&req->answer);
            set_up(w, req, &s);
        }
    }
    explicit_bzero(&s, sizeof s);
}

/* ---- all of it ---- */

static void dispatch(struct web *w, struct web_request *req)
{
    switch (req->route.action) {
    case WEB_FILE:
        do_file(req);
        break;
    case WEB_SESSION:
        do_session(w, req);
        break;
    case WEB_LOGIN:
        do_login(w, req);
        break;
    case WEB_LOGOUT:
        do_logout(w, req);
        break;
    case WEB_STATE:
        put_or_fail(req, web_state_print(w, &req->answer));
        break;
    case WEB_EVENTS:
        web_page_open(w, req, w->options->has_password ? web_cookie_get(req->cookie, COOKIE) : (struct ag_span){"", 0});
        break;
    case WEB_CALL:
        do_call(w, req);
        break;
    case WEB_MODEL:
        do_model(w, req);
        break;
    case WEB_HISTORY:
        do_history(w, req);
        break;
    case WEB_LOG:
        do_log(w, req);
        break;
    case WEB_BUNDLE:
        do_bundle(w, req);
        break;
    case WEB_NETWORKS:
        do_networks(w, req);
        break;
    case WEB_SETUP:
        do_setup(w, req);
        break;
    case WEB_NOWHERE:
        web_answer_error(req, 404, "no such page");
        break;
    }
}

void web_api_handle(struct web_request *req, void *user)
{
    struct web *w = user;
    bool post = web_route_is_post(req->route.action);

    switch (web_gate_check(&req->headers, post, w->options->names, w->options->n_names)) {
    case WEB_BAD_HOST:
        web_answer_error(req, 421, "this device is not called so; see --name");
        return;
    case WEB_BAD_ORIGIN:
        web_answer_error(req, 403, "the request comes from another page");
        return;
    case WEB_BAD_TYPE:
        web_answer_error(req, 415, "application/json is wanted");
        return;
    case WEB_PASS:
        break;
    }
    if (req->route.status != 200)
        web_answer_error(req, req->route.status, req->route.status == 405 ? "another method is wanted" : "no such page");
    else if (!web_route_is_open(req->route.action) && !is_in(w, req))
        web_answer_error(req, 401, "log in first");
    else
        dispatch(w, req);
}
