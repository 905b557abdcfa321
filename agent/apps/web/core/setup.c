/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "agent/apps/web/core/ask.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/json/json_out.h"

/* ---- the body ---- */

/* A string without NUL; too long: *long_out, and its beginning. False: no string. */
static bool read_text(struct ag_span body, const char *name, char *out, size_t room, bool *long_out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    struct ag_span value = ag_json_get(body, name);

    *long_out = false;
    if (!value.p)
        return true;
    if (ag_json_append_text(&text, value) < 0)
        return false;
    if (ag_buf_size(&text) > 0 && memchr(ag_buf_head(&text), '\0', ag_buf_size(&text)))
        return false;
    *long_out = ag_buf_size(&text) >= room;
    snprintf(out, room, "%.*s", (int) ag_buf_size(&text), ag_buf_span(&text).p);
    return true;
}

const char *web_ask_setup(struct ag_span body, struct web_setup *out)
{
    struct ag_span uid, check;
    bool cut;

    memset(out, 0, sizeof *out);
    if (ag_json_check(&body, WEB_BODY_DEPTH_MAX) != 0 || ag_json_type(body) != AG_JSON_OBJECT)
        return "the body must be a JSON object";
    if (!read_text(body, "ssid", out->ssid, sizeof out->ssid, &out->ssid_long) ||
        !read_text(body, "passwd", out->passwd, sizeof out->passwd, &out->passwd_long))
        return "ssid and passwd must be strings";
    if (!read_text(body, "country", out->country, sizeof out->country, &cut) || cut)
        return "country must be a word of at most 8 bytes";
    if (!read_text(body, "tz", out->zone, sizeof out->zone, &cut) || cut)
        return "tz must be a name of at most 64 bytes";
    uid = ag_json_get(body, "uid");
    if (uid.p && !ag_span_uint(uid, UINT64_MAX / 2, &out->uid))
        return "uid must be a number";
    check = ag_json_get(body, "check");
    out->check_only = check.p && ag_json_type(check) == AG_JSON_TRUE;
    return NULL;
}

int web_setup_print(const struct web_setup *s, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "ssid");
    ag_json_out_str(&o, s->ssid);
    ag_json_out_name(&o, "passwd");
    ag_json_out_str(&o, s->passwd);
    ag_json_out_name(&o, "uid");
    ag_json_out_printf(&o, "%" PRIu64, s->uid);
    if (s->country[0]) {
        ag_json_out_name(&o, "country_domain");
        ag_json_out_str(&o, s->country);
    }
    if (s->zone[0]) {
        ag_json_out_name(&o, "tz");
        ag_json_out_str(&o, s->zone);
    }
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

/* ---- checks ---- */

struct checks {
    struct ag_buf *out;
    bool any, bad;
    int error;
};

enum verdict { OK, BAD, UNSURE };

/* why: a word that the page has a sentence for. */
static void say(struct checks *c, const char *name, enum verdict v, const char *why)
{
    static const char *const words[] = {"ok", "bad", "unsure"};

    if (c->error == 0)
        c->error =
            ag_buf_printf(c->out, "%s{\"name\":\"%s\",\"state\":\"%s\",\"why\":\"%s\"}", c->any ? "," : "", name, words[v], why);
    c->any = true;
    c->bad = c->bad || v == BAD;
}

static bool is_true(struct ag_span object, const char *name)
{
    struct ag_span v = object.p ? ag_json_get(object, name) : object;

    return v.p && ag_json_type(v) == AG_JSON_TRUE;
}

static bool has_items(struct ag_span object, const char *name)
{
    struct ag_span list = ag_json_get(object, name), item;
    struct ag_json_iter it;

    if (!list.p)
        return false;
    it = ag_json_iter_begin(list);
    return ag_json_iter_item(&it, &item);
}

static void check_client(struct checks *c, struct ag_span status)
{
    struct ag_span setup = status.p ? ag_json_get(status, "setup") : status;

    if (!setup.p) {
        say(c, "client", BAD, "away");
        return;
    }
    say(c, "client", OK, "");
    say(c, "hooks", has_items(setup, "hooks_missing") ? BAD : OK, has_items(setup, "hooks_missing") ? "missing" : "");
    if (is_true(setup, "joining"))
        say(c, "free", BAD, "joining");
    else
        say(c, "free", is_true(setup, "provisioned") ? UNSURE : OK, is_true(setup, "provisioned") ? "has_network" : "");
}

static void check_ssid(struct checks *c, const struct web_setup *s)
{
    if (!s->ssid[0] || s->ssid_long)
        say(c, "ssid", BAD, s->ssid_long ? "long" : "empty");
    else
        say(c, "ssid", strpbrk(s->ssid, "\r\n") ? BAD : OK, strpbrk(s->ssid, "\r\n") ? "line_end" : "");
}

static bool all_hex(const char *s)
{
    return strspn(s, "0123456789abcdefABCDEF") == strlen(s);
}

static void check_passwd(struct checks *c, const struct web_setup *s)
{
    size_t n = strlen(s->passwd);
    bool control = false;

    for (size_t i = 0; i < n; i++)
        control = control || (unsigned char) s->passwd[i] < ' ' || s->passwd[i] == 0x7f;
    if (control)
        say(c, "passwd", BAD, "control");
    else if (s->passwd_long || (n > 0 && n < 8) || (n == 64 && !all_hex(s->passwd)))
        say(c, "passwd", BAD, "length");
    else
        say(c, "passwd", OK, n == 0 ? "open" : "");
}

/* Is the network there, and does it want a key exactly when one is given? */
static void check_network(struct checks *c, const struct web_setup *s, struct ag_span networks)
{
    struct ag_json_iter it;
    struct ag_span one;

    if (!networks.p) {
        say(c, "network", UNSURE, "no_list");
        return;
    }
    it = ag_json_iter_begin(networks);
    while (ag_json_iter_item(&it, &one)) {
        ag_cleanup(ag_buf_deinit) struct ag_buf name = AG_BUF_INIT;
        bool open = ag_span_eq(ag_json_get(one, "security"), "\"open\"");

        if (ag_json_append_text(&name, ag_json_get(one, "ssid")) < 0 || !ag_span_is(ag_buf_span(&name), s->ssid, strlen(s->ssid)))
            continue;
        if (open == !s->passwd[0])
            say(c, "network", OK, "");
        else
            say(c, "network", open ? UNSURE : BAD, open ? "is_open" : "wants_key");
        return;
    }
    say(c, "network", UNSURE, "not_seen");
}

static void check_rest(struct checks *c, const struct web_setup *s, bool zone_known)
{
    bool word = strspn(s->country, "abcdefghijklmnopqrstuvwxyz") == strlen(s->country);

    say(c, "country", word ? OK : BAD, word ? "" : "word");
    say(c, "zone", zone_known ? OK : BAD, zone_known ? "" : "unknown");
}

int web_setup_check(const struct web_setup *s, const struct web_setup_facts *f, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf list = AG_BUF_INIT;
    struct checks c = {.out = &list};
    int r;

    check_client(&c, f->status);
    check_ssid(&c, s);
    check_passwd(&c, s);
    check_network(&c, s, f->networks);
    check_rest(&c, s, f->zone_known);
    r = c.error;
    if (r == 0)
        r = ag_buf_printf(out, "{\"ok\":%s,\"checks\":[", c.bad ? "false" : "true");
    if (r == 0)
        r = ag_buf_append_span(out, ag_buf_span(&list));
    if (r == 0)
        r = ag_buf_append_str(out, "]}");
    return r < 0 ? r : !c.bad;
}
