/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/route.h"

#include <string.h>
#include "libagent/core/json/json.h"
#include "libagent/core/utf8.h"

static const struct {
    const char *path;
    enum web_action action;
    bool post, open;
} routes[] = {
    {"/api/session", WEB_SESSION, false, true},    {"/api/login", WEB_LOGIN, true, true},
    {"/api/logout", WEB_LOGOUT, true, false},      {"/api/state", WEB_STATE, false, false},
    {"/api/events", WEB_EVENTS, false, false},     {"/api/call", WEB_CALL, true, false},
    {"/api/model", WEB_MODEL, false, false},       {"/api/history", WEB_HISTORY, false, false},
    {"/api/log", WEB_LOG, false, false},           {"/api/bundle", WEB_BUNDLE, false, false},
    {"/api/networks", WEB_NETWORKS, false, false}, {"/api/setup", WEB_SETUP, true, false},
};

static void decide(struct web_route *out, enum web_action action, bool post, struct ag_span method)
{
    bool get = ag_span_eq(method, "GET") || (action == WEB_FILE && ag_span_eq(method, "HEAD"));

    out->action = action;
    out->allow = post ? "POST" : "GET";
    out->status = (post ? ag_span_eq(method, "POST") : get) ? 200 : 405;
}

void web_route_find(struct web_route *out, struct ag_span method, struct ag_span target)
{
    const char *mark = target.len > 0 ? memchr(target.p, '?', target.len) : NULL;
    size_t n = mark ? (size_t) (mark - target.p) : target.len;

    *out = (struct web_route){.action = WEB_NOWHERE, .status = 404, .path = {target.p, n}, .query = {"", 0}};
    if (mark)
        out->query = (struct ag_span){mark + 1, target.len - n - 1};
    if (target.len > WEB_TARGET_MAX) {
        out->status = 414;
        return;
    }
    for (size_t i = 0; i < ag_array_size(routes); i++)
        if (ag_span_is(out->path, routes[i].path, strlen(routes[i].path))) {
            decide(out, routes[i].action, routes[i].post, method);
            return;
        }
    if (n > 0 && target.p[0] == '/' && !(n >= 5 && memcmp(target.p, "/api/", 5) == 0))
        decide(out, WEB_FILE, false, method);
}

bool web_route_is_open(enum web_action action)
{
    for (size_t i = 0; i < ag_array_size(routes); i++)
        if (routes[i].action == action)
            return routes[i].open;
    return true;
}

bool web_route_is_post(enum web_action action)
{
    for (size_t i = 0; i < ag_array_size(routes); i++)
        if (routes[i].action == action)
            return routes[i].post;
    return false;
}

/* ---- query ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that s stands for; -1: malformed or longer than room. */
static long decode(struct ag_span s, char *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char) s.p[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.p[i + 1]) : -1, low = high < 0 ? -1 : hex_digit(s.p[i + 2]);

            if (low < 0)
                return -1;
            c = high * 16 + low;
            i += 2;
        }
        if (n == room || c < ' ' || c == 0x7f)
            return -1;
        out[n++] = (char) c;
    }
    return (long) n;
}

/* The next piece up to a separator; false at the end. */
static bool next_piece(struct ag_span *rest, char separator, struct ag_span *piece)
{
    const char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->p, separator, rest->len);
    piece->p = rest->p;
    piece->len = end ? (size_t) (end - rest->p) : rest->len;
    rest->p += piece->len + (end ? 1 : 0);
    rest->len -= piece->len + (end ? 1 : 0);
    return true;
}

static bool split(struct ag_span piece, struct ag_span *name, struct ag_span *value)
{
    const char *is = piece.len > 0 ? memchr(piece.p, '=', piece.len) : NULL;

    if (!is)
        return false;
    *name = (struct ag_span){piece.p, (size_t) (is - piece.p)};
    *value = (struct ag_span){is + 1, piece.len - name->len - 1};
    return true;
}

bool web_query_get(struct ag_span query, const char *name, char *out, size_t room)
{
    struct ag_span piece, key, value;
    long n = -1;

    out[0] = '\0';
    while (next_piece(&query, '&', &piece))
        if (split(piece, &key, &value) && ag_span_is(key, name, strlen(name))) {
            n = decode(value, out, room - 1);
            if (n >= 0 && !ag_utf8_valid((struct ag_span){out, (size_t) n}))
                n = -1;
            break;
        }
    out[n < 0 ? 0 : n] = '\0';
    return n >= 0;
}

uint64_t web_query_number(struct ag_span query, const char *name, uint64_t max, uint64_t fallback)
{
    char text[24];
    uint64_t value;

    if (!web_query_get(query, name, text, sizeof text) || !ag_span_uint((struct ag_span){text, strlen(text)}, max, &value))
        return fallback;
    return value;
}

/* ---- cookies ---- */

struct ag_span web_cookie_get(struct ag_span header, const char *name)
{
    struct ag_span piece, key, value;

    while (next_piece(&header, ';', &piece)) {
        while (piece.len > 0 && (piece.p[0] == ' ' || piece.p[0] == '\t')) {
            piece.p++;
            piece.len--;
        }
        if (split(piece, &key, &value) && ag_span_is(key, name, strlen(name)))
            return value;
    }
    return (struct ag_span){NULL, 0};
}
