#include "client/core/helper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "client/core/json_iter.h"

void helper_init(struct helper *h, const struct helper_sink *sink, void *user, const char *dir)
{
    *h = (struct helper){.sink = sink, .user = user};
    snprintf(h->dir, sizeof h->dir, "%s", dir);
}

void helper_deinit(struct helper *h)
{
    for (int i = 0; i < HELPER_N_ASKS; i++) {
        if (h->held[i].data)
            explicit_bzero(h->held[i].data, h->held[i].cap);
        ag_buf_deinit(&h->held[i]);
    }
    explicit_bzero(h->new_token, sizeof h->new_token);
}

/* ---- to the helper ---- */

static int lowest_bit(uint64_t mask)
{
    return __builtin_ctzll(mask);
}

/* One text to one socket that waits for one. */
static void pump(struct helper *h)
{
    for (int i = 0; i < HELPER_N_ASKS && h->free_peers != 0; i++) {
        unsigned peer = (unsigned) lowest_bit(h->free_peers);
        struct ag_buf text = h->held[i];

        if (ag_buf_size(&text) == 0)
            continue;
        ag_buf_init(&h->held[i]);
        h->free_peers &= ~(UINT64_C(1) << peer);
        h->sink->send(h->user, peer, ag_buf_span(&text));
        explicit_bzero(text.data, text.cap);
        ag_buf_deinit(&text);
    }
}

/* The latest of its kind replaces an older one. */
static int hold(struct helper *h, enum helper_ask ask, struct ag_buf *text)
{
    if (h->held[ask].data)
        explicit_bzero(h->held[ask].data, h->held[ask].cap);
    ag_buf_deinit(&h->held[ask]);
    h->held[ask] = *text;
    ag_buf_init(text);
    pump(h);
    return 0;
}

/* Appends ,"name":"value"; the first one without the comma. '/' stays as it is: scripts do not expect "\/". */
static int put_str(struct ag_buf *out, const char *name, const char *value)
{
    char last = out->data[out->len - 1];
    int r = ag_buf_printf(out, "%s\"%s\":", last == '{' ? "" : ",", name);

    return r == 0 ? ag_buf_append_json_str(out, value, strlen(value)) : r;
}

static int ask(struct helper *h, enum helper_ask kind, struct ag_buf *text, int r)
{
    if (r == 0)
        return hold(h, kind, text);
    ag_buf_deinit(text);
    return r;
}

static int ask_dir(struct helper *h, enum helper_ask kind, const char *method)
{
    struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_printf(&t, "{\"method\":\"%s\",\"params\":", method);

    if (r == 0)
        r = ag_buf_append_json_str(&t, h->dir, strlen(h->dir));
    if (r == 0)
        r = ag_buf_append_char(&t, '}');
    return ask(h, kind, &t, r);
}

static int ask_token(struct helper *h)
{
    struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_append_str(&t, "{\"method\":\"_internal.request_dtoken\",\"params\":{");

    if (r == 0)
        r = put_str(&t, "dir", h->dir);
    if (r == 0)
        r = put_str(&t, "ntoken", h->new_token);
    if (r == 0)
        r = ag_buf_append_str(&t, "}}");
    return ask(h, HELPER_DTOKEN, &t, r);
}

int helper_ask_info(struct helper *h)
{
    struct ag_buf t = AG_BUF_INIT;

    return ask(h, HELPER_INFO, &t, ag_buf_append_str(&t, "{\"method\":\"_internal.info\"}"));
}

int helper_ask_zone(struct helper *h, const char *zone)
{
    struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_append_str(&t, "{\"method\":\"_internal.config_tz\",\"params\":{");

    if (r == 0)
        r = put_str(&t, "tz", zone);
    if (r == 0)
        r = ag_buf_append_str(&t, "}}");
    return ask(h, HELPER_CONFIG_TZ, &t, r);
}

int helper_ask_wifi_start(struct helper *h, const struct router_params *p)
{
    struct ag_buf t = AG_BUF_INIT;
    char uid[24] = "";
    int r = ag_buf_append_str(&t, "{\"method\":\"_internal.wifi_start\",\"params\":{");

    snprintf(uid, sizeof uid, "%" PRIu64, p->wifi.uid);
    if (r == 0)
        r = put_str(&t, "datadir", h->dir);
    if (r == 0)
        r = put_str(&t, "ssid", p->wifi.ssid);
    if (r == 0)
        r = put_str(&t, "passwd", p->wifi.psk);
    if (r == 0)
        r = put_str(&t, "uid", uid);
    if (r == 0)
        r = put_str(&t, "country_domain", p->country);
    if (r == 0)
        r = put_str(&t, "tz", p->zone);
    if (r == 0)
        r = ag_buf_append_str(&t, "}}");
    return ask(h, HELPER_WIFI_START, &t, r);
}

int helper_ask_update_token(struct helper *h, const char *token)
{
    struct ag_buf t = AG_BUF_INIT;
    int r = ag_buf_append_str(&t, "{\"method\":\"_internal.update_dtoken\",\"params\":{");

    if (r == 0)
        r = put_str(&t, "ntoken", token);
    if (r == 0)
        r = ag_buf_append_str(&t, "}}");
    return ask(h, HELPER_UPDATE_TOKEN, &t, r);
}

/* ---- from the helper ---- */

static void take_hello(struct helper *h, unsigned peer, uint64_t now_ms)
{
    h->last_hello_ms = now_ms ? now_ms : 1;
    h->free_peers |= UINT64_C(1) << peer;
    switch (h->stage) {
    case HELPER_NEEDS_IDENTITY:
        ask_dir(h, HELPER_DINFO, "_internal.request_dinfo");
        break;
    case HELPER_NEEDS_TOKEN:
        ask_token(h);
        break;
    case HELPER_NEEDS_WIFI:
        ask_dir(h, HELPER_WIFI_STATUS, "_internal.req_wifi_conf_status");
        break;
    case HELPER_SETTLED:
        pump(h);
        break;
    }
}

/* name=value lines of the members that are plain strings or numbers; others are not for us. */
static bool conf_lines(struct ag_buf *out, struct ag_span params)
{
    struct json_iter it = json_iter_begin(params);
    struct ag_span name, value;

    while (json_iter_member(&it, &name, &value)) {
        enum ag_json_type type = json_type(value);
        size_t before = out->len;

        if (type != AG_JSON_STRING && type != AG_JSON_NUMBER)
            continue;
        if (json_append_text(out, name) < 0 || ag_buf_append_char(out, '=') < 0 ||
            (type == AG_JSON_STRING ? json_append_text(out, value) : ag_buf_append_span(out, value)) < 0)
            return false;
        if (memchr(out->data + before, '\n', out->len - before) || memchr(out->data + before, '\0', out->len - before))
            return false;
        if (ag_buf_append_char(out, '\n') < 0)
            return false;
    }
    return true;
}

static void take_identity(struct helper *h, struct ag_span params)
{
    struct ag_buf conf = AG_BUF_INIT;

    if (json_type(params) == AG_JSON_OBJECT && conf_lines(&conf, params))
        h->sink->identity(h->user, ag_buf_span(&conf));
    else
        h->bad++;
    if (conf.data)
        explicit_bzero(conf.data, conf.cap);
    ag_buf_deinit(&conf);
}

static void take_word(struct helper *h, struct ag_span value, void (*tell)(void *user, struct ag_span word))
{
    struct ag_buf word = AG_BUF_INIT;

    if (value.p && json_append_text(&word, value) == 0)
        tell(h->user, ag_buf_span(&word));
    else
        h->bad++;
    if (word.data)
        explicit_bzero(word.data, word.cap);
    ag_buf_deinit(&word);
}

/* The newer form that brings all at once. */
static void take_ot_config(struct helper *h, struct ag_span params)
{
    struct ag_span country = json_get(params, "country");

    take_word(h, json_get(params, "token"), h->sink->token);
    if (country.p)
        take_word(h, country, h->sink->country);
}

bool helper_text(struct helper *h, unsigned peer, struct ag_span method, struct ag_span text,
                 const struct ag_json_view *view, uint64_t now_ms)
{
    struct ag_span params = ag_view_raw(view, text.p, AG_M_PARAMS);

    if (ag_span_eq(method, "_internal.hello"))
        take_hello(h, peer, now_ms);
    else if (ag_span_eq(method, "_internal.helper_ready"))
        h->last_hello_ms = now_ms ? now_ms : 1;
    else if (ag_span_eq(method, "_internal.response_dinfo"))
        take_identity(h, params);
    else if (ag_span_eq(method, "_internal.response_dtoken") || ag_span_eq(method, "_internal.token_updated"))
        take_word(h, params, h->sink->token);
    else if (ag_span_eq(method, "_internal.response_dcountry"))
        take_word(h, params, h->sink->country);
    else if (ag_span_eq(method, "_internal.res_ot_config"))
        take_ot_config(h, params);
    else if (ag_span_eq(method, "_internal.res_wifi_conf_status"))
        h->sink->wifi_status(h->user, ag_span_eq(params, "1"));
    else if (ag_span_eq(method, "_internal.info"))
        h->sink->info(h->user, params);
    else if (ag_span_eq(method, "_internal.wifi_connected"))
        h->sink->wifi_connected(h->user);
    else if (ag_span_eq(method, "_internal.wifi_ap_mode") || ag_span_eq(method, "_internal.wifi_connect_failed"))
        h->sink->wifi_failed(h->user);
    else
        return false;
    return true;
}

void helper_peer_gone(struct helper *h, unsigned peer)
{
    h->free_peers &= ~(UINT64_C(1) << peer);
}
