/* SPDX-License-Identifier: MIT */
#include "client/setup/core/helper.h"

#include <inttypes.h>
#include <stdio.h>
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"
#include "libagent/core/deadline.h"

void helper_init(struct helper *h, const struct helper_sink *sink, void *user, const char *dir)
{
    *h = (struct helper){.sink = sink, .user = user};
    for (int i = 0; i < HELPER_N_ASKS; i++)
        h->held[i].secret = true;
    snprintf(h->dir, sizeof h->dir, "%s", dir);
}

void helper_deinit(struct helper *h)
{
    for (int i = 0; i < HELPER_N_ASKS; i++)
        ag_buf_deinit(&h->held[i]);
    explicit_bzero(h->new_token, sizeof h->new_token);
}

/* ---- to the helper ---- */

static void drop_text(struct ag_buf *text)
{
    ag_buf_deinit(text);
    text->secret = true; /* keys and tokens pass through */
}

/* One text to one socket that waits for one. */
static void pump(struct helper *h)
{
    for (int i = 0; i < HELPER_N_ASKS && h->free_peers != 0; i++) {
        unsigned peer = (unsigned) __builtin_ctzll(h->free_peers);
        struct ag_buf text = h->held[i];

        if (ag_buf_size(&text) == 0)
            continue;
        h->held[i] = (struct ag_buf) AG_BUF_SECRET_INIT;
        h->free_peers &= ~(UINT64_C(1) << peer);
        h->sink->send(h->user, peer, ag_buf_span(&text));
        drop_text(&text);
    }
}

/* The latest of its kind replaces an older one. */
static int hold(struct helper *h, enum helper_ask ask, struct ag_buf *text)
{
    drop_text(&h->held[ask]);
    h->held[ask] = *text;
    *text = (struct ag_buf) AG_BUF_SECRET_INIT;
    pump(h);
    return 0;
}

/* {"method":"METHOD","params":{ ... }}. '/' stays as it is: scripts do not expect "\/". */
static struct ag_json_out ask_begin(struct ag_buf *text, const char *method)
{
    struct ag_json_out o = ag_json_out_begin(text);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "method", method);
    ag_json_out_name_open(&o, "params", '{');
    return o;
}

/* What is built goes out, or as soon as somebody waits for it. */
static int ask(struct helper *h, enum helper_ask kind, struct ag_json_out *o)
{
    int r;

    ag_json_out_close(o, '}');
    r = ag_json_out_end(o);
    if (r == 0)
        return hold(h, kind, o->buf);
    ag_buf_deinit(o->buf);
    return r;
}

static int ask_end(struct helper *h, enum helper_ask kind, struct ag_json_out *o)
{
    ag_json_out_close(o, '}');
    return ask(h, kind, o);
}

static int ask_dir(struct helper *h, enum helper_ask kind, const char *method)
{
    struct ag_buf t = AG_BUF_SECRET_INIT;
    struct ag_json_out o = ag_json_out_begin(&t);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "method", method);
    ag_json_out_name_str(&o, "params", h->dir);
    return ask(h, kind, &o);
}

static int ask_token(struct helper *h, enum helper_ask kind, const char *method)
{
    struct ag_buf t = AG_BUF_SECRET_INIT;
    struct ag_json_out o = ask_begin(&t, method);

    ag_json_out_name_str(&o, "dir", h->dir);
    ag_json_out_name_str(&o, "ntoken", h->new_token);
    return ask_end(h, kind, &o);
}

int helper_ask_info(struct helper *h)
{
    struct ag_buf t = AG_BUF_SECRET_INIT;
    struct ag_json_out o = ag_json_out_begin(&t);

    ag_json_out_open(&o, '{');
    ag_json_out_name_str(&o, "method", "_internal.info");
    return ask(h, HELPER_INFO, &o);
}

int helper_ask_zone(struct helper *h, const char *zone)
{
    struct ag_buf t = AG_BUF_SECRET_INIT;
    struct ag_json_out o = ask_begin(&t, "_internal.config_tz");

    ag_json_out_name_str(&o, "tz", zone);
    return ask_end(h, HELPER_CONFIG_TZ, &o);
}

int helper_ask_wifi_start(struct helper *h, const struct router_params *p)
{
    struct ag_buf t = AG_BUF_SECRET_INIT;
    struct ag_json_out o = ask_begin(&t, "_internal.wifi_start");

    ag_json_out_name_str(&o, "datadir", h->dir);
    ag_json_out_name_str(&o, "ssid", p->wifi.ssid);
    ag_json_out_name_str(&o, "passwd", p->wifi.psk);
    ag_json_out_name(&o, "uid");
    ag_json_out_printf(&o, "\"%" PRIu64 "\"", p->wifi.uid);
    ag_json_out_name_str(&o, "country_domain", p->country);
    ag_json_out_name_str(&o, "tz", p->zone);
    return ask_end(h, HELPER_WIFI_START, &o);
}

/* ---- the questions of a stage ---- */

static const struct {
    enum helper_stage stage;
    const char *method;
} questions[] = {
    [HELPER_DINFO] = {HELPER_NEEDS_IDENTITY, "_internal.request_dinfo"},
    [HELPER_DTOKEN] = {HELPER_NEEDS_TOKEN, "_internal.request_dtoken"},
    [HELPER_OT_CONFIG] = {HELPER_NEEDS_TOKEN, "_internal.request_ot_config"},
    [HELPER_WIFI_STATUS] = {HELPER_NEEDS_WIFI, "_internal.req_wifi_conf_status"},
};

static void ask_question(struct helper *h, enum helper_ask kind, uint64_t now_ms)
{
    h->ask_at_ms[kind] = now_ms + HELPER_ASK_EVERY_MS;
    h->n_asked[kind]++;
    if (questions[kind].stage == HELPER_NEEDS_TOKEN)
        ask_token(h, kind, questions[kind].method);
    else
        ask_dir(h, kind, questions[kind].method);
}

static bool is_silent(const struct helper *h, enum helper_ask kind)
{
    return h->n_asked[kind] > 0 && h->n_asked[kind] % HELPER_ASK_MAX == 0;
}

void helper_tick(struct helper *h, uint64_t now_ms)
{
    pump(h);
    for (unsigned i = 0; i < ag_array_size(questions) && h->free_peers != 0; i++) {
        enum helper_ask kind = (enum helper_ask) i;

        if (questions[kind].stage != h->stage || now_ms < h->ask_at_ms[kind])
            continue;
        if (is_silent(h, kind))
            h->sink->silent(h->user, questions[kind].method);
        if (questions[kind].stage == h->stage) /* or that has settled it */
            ask_question(h, kind, now_ms);
    }
}

uint64_t helper_next_deadline(const struct helper *h)
{
    uint64_t at = AG_NEVER;

    if (h->free_peers == 0)
        return at;
    for (unsigned i = 0; i < ag_array_size(questions); i++) {
        if (questions[i].stage == h->stage)
            at = ag_earlier(at, h->ask_at_ms[i]);
    }
    return at;
}

/* ---- from the helper ---- */

static void take_hello(struct helper *h, unsigned peer, uint64_t now_ms)
{
    h->last_hello_ms = now_ms ? now_ms : 1;
    h->free_peers |= UINT64_C(1) << peer;
    helper_tick(h, now_ms);
}

/* name=value lines of the members that are plain strings or numbers; others are ignored. */
static bool conf_lines(struct ag_buf *out, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span name, value;

    while (ag_json_iter_member(&it, &name, &value)) {
        enum ag_json_type type = ag_json_type(value);
        size_t before = out->len;

        if (type != AG_JSON_STRING && type != AG_JSON_NUMBER)
            continue;
        if (ag_json_append_text(out, name) < 0 || ag_buf_append_char(out, '=') < 0 ||
            (type == AG_JSON_STRING ? ag_json_append_text(out, value) : ag_buf_append_span(out, value)) < 0)
            return false;
        if (memchr(out->data + before, '\n', out->len - before) || memchr(out->data + before, '\0', out->len - before))
            return false;
        if (ag_buf_append_char(out, '\n') < 0)
            return false;
    }
    return true;
}

static bool take_identity(struct helper *h, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf conf = AG_BUF_SECRET_INIT;

    if (ag_json_type(params) != AG_JSON_OBJECT || !conf_lines(&conf, params))
        return false;
    h->sink->identity(h->user, ag_buf_span(&conf));
    return true;
}

/* A string; null is an empty one. */
static bool take_word(struct helper *h, struct ag_span value, void (*tell)(void *user, struct ag_span word))
{
    ag_cleanup(ag_buf_deinit) struct ag_buf word = AG_BUF_SECRET_INIT;

    if (!value.p || (ag_json_type(value) != AG_JSON_NULL && ag_json_append_text(&word, value) < 0))
        return false;
    tell(h->user, ag_buf_span(&word));
    return true;
}

/* The newer form brings country and more along with the token. */
static bool take_token(struct helper *h, struct ag_span params)
{
    struct ag_span country;

    if (ag_json_type(params) != AG_JSON_OBJECT)
        return ag_json_type(params) == AG_JSON_STRING && take_word(h, params, h->sink->token);
    country = ag_json_get(params, "country");
    if (country.p && !take_word(h, country, h->sink->country))
        return false;
    return ag_json_type(ag_json_get(params, "token")) == AG_JSON_STRING &&
           take_word(h, ag_json_get(params, "token"), h->sink->token);
}

/* 1: wifi.conf is there; 0: not; 3: not, and it will be given in another way. Some scripts write the number as a string. */
static bool take_wifi_status(struct helper *h, struct ag_span params)
{
    if (params.len == 3 && params.p[0] == '"')
        params = (struct ag_span){params.p + 1, 1};
    if (params.len != 1 || !memchr("013", params.p[0], 3))
        return false;
    h->sink->wifi_status(h->user, params.p[0] == '1');
    return true;
}

static bool take_info(struct helper *h, struct ag_span params)
{
    if (ag_json_type(params) != AG_JSON_OBJECT)
        return false;
    h->sink->info(h->user, params);
    return true;
}

/* Newer scripts say in it how it went. */
static bool take_connected(struct helper *h, struct ag_span params)
{
    struct ag_span result =
        params.p && ag_json_type(params) == AG_JSON_OBJECT ? ag_json_get(params, "result") : (struct ag_span){NULL, 0};

    if (!result.p || ag_span_eq(result, "\"ok\"") || ag_span_eq(result, "\"OK\""))
        h->sink->wifi_connected(h->user);
    else
        h->sink->wifi_failed(h->user, HELPER_NOT_JOINED);
    return true;
}

static bool begins_with(struct ag_span s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.p, text, strlen(text)) == 0;
}

/* One old script has no other word for being back at the access point. */
static enum helper_taken take_status(struct helper *h, struct ag_span params)
{
    if (begins_with(params, "\"wifi_ap_mode"))
        h->sink->wifi_failed(h->user, HELPER_AP_MODE);
    else if (begins_with(params, "\"wifi_failed") || begins_with(params, "\"wifi_pwd_wrong"))
        h->sink->wifi_failed(h->user, HELPER_NOT_JOINED);
    else if (begins_with(params, "\"wifi_connected"))
        h->sink->wifi_connected(h->user);
    else
        return HELPER_UNKNOWN;
    return HELPER_TAKEN;
}

static bool is_for_others(struct ag_span method)
{
    static const char *const known[] = {
        "_internal.wifi_scan_resp",       "_internal.wifi_disconnected_event", "_internal.wifi_reconnected_failed_event",
        "_internal.wifi_disconnect_resp", "_internal.res_wifi_reload",         "_internal.record_offline"};

    for (size_t i = 0; i < ag_array_size(known); i++) {
        if (ag_span_is(method, known[i], strlen(known[i])))
            return true;
    }
    return false;
}

enum helper_taken helper_text(struct helper *h, unsigned peer, struct ag_span method, struct ag_span text,
                              const struct ag_json_view *view, uint64_t now_ms)
{
    struct ag_span params = ag_view_raw(view, text.p, AG_M_PARAMS);
    bool ok = true;

    if (ag_span_eq(method, "_internal.hello"))
        take_hello(h, peer, now_ms);
    else if (ag_span_eq(method, "_internal.helper_ready"))
        h->last_hello_ms = now_ms ? now_ms : 1;
    else if (ag_span_eq(method, "_internal.response_dinfo"))
        ok = params.p && take_identity(h, params);
    else if (ag_span_eq(method, "_internal.response_dtoken") || ag_span_eq(method, "_internal.token_updated") ||
             ag_span_eq(method, "_internal.res_ot_config"))
        ok = params.p && take_token(h, params);
    else if (ag_span_eq(method, "_internal.response_dcountry"))
        ok = take_word(h, params, h->sink->country);
    else if (ag_span_eq(method, "_internal.res_wifi_conf_status"))
        ok = params.p && take_wifi_status(h, params);
    else if (ag_span_eq(method, "_internal.info"))
        ok = params.p && take_info(h, params);
    else if (ag_span_eq(method, "_internal.wifi_connected"))
        ok = take_connected(h, params);
    else if (ag_span_eq(method, "_internal.wifi_ap_mode"))
        h->sink->wifi_failed(h->user, HELPER_AP_MODE);
    else if (ag_span_eq(method, "_internal.wifi_connect_failed"))
        h->sink->wifi_failed(h->user, HELPER_NOT_JOINED);
    else if (ag_span_eq(method, "local.status") && params.p)
        return take_status(h, params);
    else
        return is_for_others(method) ? HELPER_NOT_FOR_US : HELPER_UNKNOWN;
    h->bad += !ok;
    return ok ? HELPER_TAKEN : HELPER_BAD;
}

void helper_peer_gone(struct helper *h, unsigned peer)
{
    h->free_peers &= ~(UINT64_C(1) << peer);
}
