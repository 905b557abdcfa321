/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/gate.h"

#include <string.h>

enum { HOST_MAX = 255 };

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
}

static bool same(struct ag_span a, const char *b, size_t n)
{
    if (a.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (small(a.p[i]) != small(b[i]))
            return false;
    return true;
}

/* 1.2.3.4: what looks like an address but is none is no name either, since a top-level domain is never a number. */
static bool is_ipv4(struct ag_span s)
{
    unsigned dots = 0, digits = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '.' && digits > 0) {
            dots++;
            digits = 0;
        } else if (s.p[i] >= '0' && s.p[i] <= '9' && digits < 3) {
            digits++;
        } else {
            return false;
        }
    }
    return dots == 3 && digits > 0;
}

static bool is_ipv6(struct ag_span s)
{
    if (s.len < 4 || s.p[0] != '[' || s.p[s.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < s.len; i++)
        if (!strchr("0123456789abcdefABCDEF:.", s.p[i]) || s.p[i] == '\0')
            return false;
    return true;
}

/* Without ":PORT"; false: the port is not one. */
static bool cut_port(struct ag_span *host)
{
    size_t n = host->len;

    while (n > 0 && host->p[n - 1] >= '0' && host->p[n - 1] <= '9')
        n--;
    if (n > 0 && host->p[n - 1] == ':' && !(n > 1 && host->p[0] == '[' && host->p[n - 2] != ']')) {
        if (host->len - n == 0 || host->len - n > 5)
            return false;
        host->len = n - 1;
    }
    return true;
}

bool web_host_ok(struct ag_span host, const char *const *names, size_t n_names)
{
    if (!host.p || host.len == 0 || host.len > HOST_MAX || !cut_port(&host))
        return false;
    if (is_ipv4(host) || is_ipv6(host) || same(host, "localhost", 9))
        return true;
    for (size_t i = 0; i < n_names; i++)
        if (same(host, names[i], strlen(names[i])))
            return true;
    return false;
}

/* Behind a program that adds TLS the page's scheme is https and ours http: the host and its port are what counts. */
static bool origin_ok(struct ag_span origin, struct ag_span host)
{
    size_t n = origin.len > 8 && memcmp(origin.p, "https://", 8) == 0  ? 8
               : origin.len > 7 && memcmp(origin.p, "http://", 7) == 0 ? 7
                                                                       : 0;

    return n > 0 && same((struct ag_span){origin.p + n, origin.len - n}, host.p, host.len);
}

static bool is_json(struct ag_span type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;

    return type.p && type.len >= n && same((struct ag_span){type.p, n}, json, n) &&
           (type.len == n || type.p[n] == ';' || type.p[n] == ' ');
}

enum web_verdict web_gate_check(const struct web_headers *h, bool post, const char *const *names, size_t n_names)
{
    if (!web_host_ok(h->host, names, n_names))
        return WEB_BAD_HOST;
    if (h->origin.p && !origin_ok(h->origin, h->host))
        return WEB_BAD_ORIGIN;
    /* "none": the address was typed in; a link from elsewhere may show the page, but nothing else */
    if (h->fetch_site.p && !ag_span_eq(h->fetch_site, "same-origin") && !ag_span_eq(h->fetch_site, "none"))
        return WEB_BAD_ORIGIN;
    return post && !is_json(h->content_type) ? WEB_BAD_TYPE : WEB_PASS;
}
