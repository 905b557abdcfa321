/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/apps/web/core/ask.h"
#include "agent/apps/web/core/setup.h"
#include "agent/apps/web/files.h"
#include "agent/apps/web/io/secret.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/log/log.h"

enum { BUNDLE_MAX = 8 << 20, BUNDLE_MS = 30000, NETWORKS_OUT_MAX = 65536, NETWORKS_MS = 20000, SETUP_MS = 15000 };

#define COOKIE "miio_session"

/* ---- who is asking ---- */

static bool is_local_friend(const struct web_api *a, const struct web_request *req)
{
    if (a->options->any_local_user)
        return true;
    return req->conn->uid_known && (req->conn->uid == 0 || req->conn->uid == geteuid());
}

static bool is_in(struct web_api *a, struct web_request *req)
{
    if (!a->options->has_password)
        return is_local_friend(a, req);
    return web_sessions_use(a->sessions, uv_now(a->loop), web_cookie_get(req->cookie, COOKIE));
}

static void put_or_fail(struct web_request *req, int r)
{
    if (r < 0)
        web_answer_error(req, 503, "out of memory");
    else
        web_answer(req, 200);
}

static void do_session(struct web_api *a, struct web_request *req)
{
    bool in = is_in(a, req);

    put_or_fail(req, ag_buf_printf(&req->answer, "{\"in\":%s,\"password\":%s}", in ? "true" : "false",
                                   a->options->has_password ? "true" : "false"));
}

/* ---- log in ---- */

static void set_cookie(struct web_request *req, const char *value, unsigned seconds)
{
    snprintf(req->set_cookie, sizeof req->set_cookie, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s", value,
             seconds, req->tls ? "; Secure" : "");
}

static void let_in(struct web_api *a, struct web_request *req)
{
    unsigned char random[WEB_TOKEN_BYTES];
    char token[WEB_TOKEN_LEN + 1];

    if (web_random(random, sizeof random) < 0) {
        web_answer_error(req, 503, "no random numbers");
        return;
    }
    web_sessions_add(a->sessions, uv_now(a->loop), random, token);
    set_cookie(req, token, a->options->life_ms / 1000);
    put_or_fail(req, ag_buf_append_str(&req->answer, "{\"in\":true}"));
}

static void on_password(int r, void *user)
{
    struct web_request *req = user;
    struct web_api *a = req->user;
    unsigned char key[WEB_LIMITER_KEY];

    web_request_key(req, key);
    if (r == 0) {
        web_limiter_right(&a->limiter, key);
        ag_log(AG_LOG_INFO, "logged in");
        let_in(a, req);
    } else if (r > 0) {
        ag_log(AG_LOG_WARNING, "wrong password");
        web_answer_error(req, 403, "wrong password");
    } else {
        ag_log(AG_LOG_ERROR, "the password cannot be checked: %s", strerror(-r));
        web_answer_error(req, 503, "the password cannot be checked now");
    }
}

static void do_login(struct web_api *a, struct web_request *req)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf password = AG_BUF_SECRET_INIT;
    unsigned char key[WEB_LIMITER_KEY];
    const char *wrong = web_ask_login(ag_buf_span(&req->body), &password);

    if (!a->options->has_password || wrong) {
        web_answer_error(req, 400, wrong ? wrong : "no password is set");
        return;
    }
    web_request_key(req, key);
    req->retry_s = web_limiter_try(&a->limiter, uv_now(a->loop), key);
    if (req->retry_s > 0)
        web_answer_error(req, 429, "too many tries");
    else if (a->stopping || web_password_test(a->loop, &a->options->password, &password, on_password, req) < 0)
        web_answer_error(req, 503, "the password cannot be checked now");
    else
        web_request_wait(req);
}

static void do_logout(struct web_api *a, struct web_request *req)
{
    struct ag_span token = web_cookie_get(req->cookie, COOKIE);

    if (token.p) {
        web_pages_end(a->pages, token);
        web_sessions_drop(a->sessions, token);
    }
    set_cookie(req, "", 0);
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

/* ---- all there is to know, for a page that has just opened ---- */

/* A member whose value is JSON already; null while it is not known. */
static void put_text(struct ag_json_out *o, const char *name, const struct ag_buf *text)
{
    ag_json_out_name(o, name);
    ag_json_out_raw(o, ag_buf_size(text) ? ag_buf_span(text) : AG_SPAN("null"));
}

static void put_bool(struct ag_json_out *o, const char *name, bool v)
{
    ag_json_out_name(o, name);
    ag_json_out_bool(o, v);
}

/* 0 or -ENOMEM. */
static int put_state(const struct web_api *a, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "version");
    ag_json_out_str(&o, MIIO_VERSION);
    put_bool(&o, "agent", web_bus_is_ready(a->bus));
    ag_json_out_name(&o, "you");
    ag_json_out_printf(&o, "%" PRIu64, a->bus->you);
    put_bool(&o, "monitor", a->bus->monitoring);
    put_bool(&o, "model", ag_buf_size(&a->model) > 0);
    put_bool(&o, "networks", a->options->networks != NULL);
    put_text(&o, "status", &a->bus->status);
    put_text(&o, "apps", &a->bus->peers);
    ag_json_out_name(&o, "curves");
    ag_json_out_value(&o);
    ag_json_out_done(&o, web_values_print_curves(a->values, out));
    ag_json_out_name(&o, "values");
    ag_json_out_value(&o);
    ag_json_out_done(&o, web_values_print(a->values, 0, out));
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

static void do_events(struct web_api *a, struct web_request *req)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_span session = a->options->has_password ? web_cookie_get(req->cookie, COOKIE) : (struct ag_span){"", 0};

    if (put_state(a, &b) < 0)
        ag_buf_clear(&b);
    web_page_open(a->pages, req, session, ag_buf_span(&b));
}

/* ---- the device ---- */

static void do_call(struct web_api *a, struct web_request *req)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_call call;
    const char *wrong = web_ask_call(ag_buf_span(&req->body), &call);
    int r;

    if (wrong) {
        web_answer_error(req, 400, wrong);
    } else if (call.up) {
        web_bus_ask(a->bus, req, ag_buf_head(&call.method), ag_buf_head(&call.params), call.timeout_ms);
    } else {
        r = ag_buf_append_str(&b, "{\"method\":");
        if (r == 0)
            r = ag_buf_append_json_str(&b, ag_buf_head(&call.method), ag_buf_size(&call.method));
        if (r == 0)
            r = ag_buf_printf(&b, ",\"params\":%s}", ag_buf_head(&call.params));
        if (r < 0 || !ag_buf_cstr(&b))
            web_answer_error(req, 503, "out of memory");
        else
            web_bus_ask(a->bus, req, "agent.call", ag_buf_head(&b), call.timeout_ms);
    }
    web_call_deinit(&call);
}

static void do_history(struct web_api *a, struct web_request *req)
{
    char name[WEB_VALUE_NAME_MAX + 1];
    int r = web_query_get(req->route.query, "name", name, sizeof name) ? 0 : -ENOENT;

    if (r == 0)
        r = web_curve_print(a->values, name, uv_now(a->loop), &req->answer);
    if (r == -ENOENT)
        web_answer_error(req, 404, "no such number has been reported");
    else
        put_or_fail(req, r);
}

static void do_log(struct web_api *a, struct web_request *req)
{
    char of[8], params[48];

    web_query_get(req->route.query, "of", of, sizeof of);
    snprintf(params, sizeof params, "{\"from\":%" PRIu64 "}", web_query_number(req->route.query, "from", UINT64_MAX, 0));
    web_bus_ask(a->bus, req, strcmp(of, "agent") == 0 ? "agent.log" : "client.log", params, WEB_CALL_TIMEOUT_MS);
}

static void do_model(struct web_api *a, struct web_request *req)
{
    if (ag_buf_size(&a->model) == 0) {
        web_answer_error(req, 404, "no model was given");
        return;
    }
    req->fixed = ag_buf_head(&a->model);
    req->fixed_len = ag_buf_size(&a->model);
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

static void do_bundle(struct web_api *a, struct web_request *req)
{
    const char *const plain[] = {a->options->miioctl, "bundle", "-", NULL};
    const char *const there[] = {a->options->miioctl, "--agent", a->options->agent, "bundle", "-", NULL};
    int r = a->stopping ? -ESHUTDOWN
                        : web_child_run(&a->children, a->options->agent ? there : plain, BUNDLE_MAX, BUNDLE_MS, on_bundle, req);

    if (r == 0)
        web_request_wait(req);
    else
        web_answer_error(req, 502, r == -ENOENT ? "miioctl is not installed here" : strerror(-r));
}

static void on_networks(bool good, struct ag_buf *output, const char *why, void *user)
{
    struct web_request *req = user;
    struct web_api *a = req->user;
    int r;

    if (!good) {
        ag_log(AG_LOG_WARNING, "%s: %s", a->options->networks, why);
        web_answer_error(req, 502, why);
        return;
    }
    ag_buf_clear(&a->networks);
    r = web_networks_print(ag_buf_span(output), &a->networks);
    if (r == 0)
        r = ag_buf_append_span(&req->answer, ag_buf_span(&a->networks));
    put_or_fail(req, r);
}

static void do_networks(struct web_api *a, struct web_request *req)
{
    const char *const args[] = {a->options->networks, NULL};
    int r;

    if (!a->options->networks || a->stopping) {
        web_answer_error(req, 404, "no program lists networks here");
        return;
    }
    r = web_child_run(&a->children, args, NETWORKS_OUT_MAX, NETWORKS_MS, on_networks, req);
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

static void set_up(struct web_api *a, struct web_request *req, const struct web_setup *s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_SECRET_INIT;

    if (web_setup_print(s, &b) < 0 || !ag_buf_cstr(&b))
        web_answer_error(req, 503, "out of memory");
    else
        web_bus_ask(a->bus, req, "local.ble.config_router", ag_buf_head(&b), SETUP_MS);
}

static struct ag_span known(const struct ag_buf *b)
{
    return ag_buf_size(b) ? ag_buf_span(b) : (struct ag_span){NULL, 0};
}

static void do_setup(struct web_api *a, struct web_request *req)
{
    struct web_setup s;
    const char *wrong = web_ask_setup(ag_buf_span(&req->body), &s);
    struct web_setup_facts facts = {known(&a->bus->status), known(&a->networks), wrong || zone_is_known(s.zone)};
    int r;

    if (wrong) {
        web_answer_error(req, 400, wrong);
    } else {
        r = web_setup_check(&s, &facts, &req->answer);
        if (r <= 0 || s.check_only) {
            put_or_fail(req, r);
        } else {
            ag_buf_clear(&req->answer);
            set_up(a, req, &s);
        }
    }
    explicit_bzero(&s, sizeof s);
}

/* ---- all of it ---- */

static void dispatch(struct web_api *a, struct web_request *req)
{
    switch (req->route.action) {
    case WEB_FILE:
        do_file(req);
        break;
    case WEB_SESSION:
        do_session(a, req);
        break;
    case WEB_LOGIN:
        do_login(a, req);
        break;
    case WEB_LOGOUT:
        do_logout(a, req);
        break;
    case WEB_STATE:
        put_or_fail(req, put_state(a, &req->answer));
        break;
    case WEB_EVENTS:
        do_events(a, req);
        break;
    case WEB_CALL:
        do_call(a, req);
        break;
    case WEB_MODEL:
        do_model(a, req);
        break;
    case WEB_HISTORY:
        do_history(a, req);
        break;
    case WEB_LOG:
        do_log(a, req);
        break;
    case WEB_BUNDLE:
        do_bundle(a, req);
        break;
    case WEB_NETWORKS:
        do_networks(a, req);
        break;
    case WEB_SETUP:
        do_setup(a, req);
        break;
    case WEB_NOWHERE:
        web_answer_error(req, 404, "no such page");
        break;
    }
}

void web_api_handle(struct web_request *req, void *user)
{
    struct web_api *a = user;
    bool post = web_route_is_post(req->route.action);

    switch (web_gate_check(&req->headers, post, a->options->names, a->options->n_names)) {
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
    else if (!web_route_is_open(req->route.action) && !is_in(a, req))
        web_answer_error(req, 401, "log in first");
    else
        dispatch(a, req);
}

void web_api_stop(struct web_api *a)
{
    a->stopping = true;
    web_children_stop(&a->children);
}

void web_api_deinit(struct web_api *a)
{
    ag_buf_deinit(&a->networks);
    ag_buf_deinit(&a->model);
}
