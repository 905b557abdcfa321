/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_http.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "libagent/core/json/json.h"

static int add(struct ag_buf *out, const char *between, const char *key, const char *value)
{
    int r = ag_buf_printf(out, "%s%s=", between, key);

    for (const char *p = value; r == 0 && *p; p++) {
        unsigned char c = (unsigned char) *p;

        if (isalnum(c) || strchr("-._~", c))
            r = ag_buf_append_char(out, *p);
        else
            r = ag_buf_printf(out, "%%%02X", c);
    }
    return r;
}

int gizwits_http_form(struct ag_buf *body, const char *const *pairs)
{
    size_t before = body->len;
    int r = 0;

    for (const char *const *p = pairs; *p && r == 0; p += 2)
        r = add(body, p == pairs ? "" : "&", p[0], p[1]);
    if (r < 0)
        body->len = before;
    return r;
}

static struct ag_span trim_end(struct ag_span s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.p[s.len - 1]))
        s.len--;
    return s;
}

bool gizwits_http_get(struct ag_span body, const char *key, struct ag_span *out)
{
    size_t key_len = strlen(key);
    struct ag_span s = trim_end(body);

    while (s.len > 0) {
        const char *amp = memchr(s.p, '&', s.len);
        size_t n = amp ? (size_t) (amp - s.p) : s.len;
        const char *eq = memchr(s.p, '=', n);
        size_t name = eq ? (size_t) (eq - s.p) : n;
        bool takes_rest = ag_span_is((struct ag_span){s.p, name}, "download_url", 12);

        if (eq && takes_rest)
            n = s.len;
        if (eq && ag_span_is((struct ag_span){s.p, name}, key, key_len)) {
            *out = (struct ag_span){eq + 1, n - name - 1};
            return true;
        }
        if (n == s.len)
            return false;
        s = (struct ag_span){s.p + n + 1, s.len - n - 1};
    }
    return false;
}

bool gizwits_did_ok(const char *did, size_t n)
{
    if (n < 1 || n > GIZWITS_DID_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char) did[i]))
            return false;
    return true;
}

bool gizwits_passcode_ok(const char *passcode)
{
    size_t n = strlen(passcode);

    if (n < 1 || n > GIZWITS_PASSCODE_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char) passcode[i]))
            return false;
    return true;
}

bool gizwits_url_ok(struct ag_span url)
{
    if (!(url.len > 7 && strncasecmp(url.p, "http://", 7) == 0) && !(url.len > 8 && strncasecmp(url.p, "https://", 8) == 0))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char) url.p[i] <= ' ' || url.p[i] == 0x7f)
            return false;
    return true;
}

static bool copy(char *out, size_t max, struct ag_span s)
{
    if (s.len > max || memchr(s.p, '\0', s.len))
        return false;
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
    return true;
}

int gizwits_http_parse_did(struct ag_span body, char *out)
{
    struct ag_span did;

    if (!gizwits_http_get(body, "did", &did) || !gizwits_did_ok(did.p, did.len))
        return -EINVAL;
    memcpy(out, did.p, did.len);
    out[did.len] = '\0';
    return 0;
}

static bool host_ok(struct ag_span host)
{
    if (host.len == 0 || host.len > GIZWITS_HOST_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum((unsigned char) host.p[i]) && !strchr(".-:", host.p[i]))
            return false;
    return true;
}

int gizwits_http_parse_provision(struct ag_span body, struct gizwits_m2m *out)
{
    struct ag_span host, port, ts;
    uint64_t n, seconds = 0;

    if (!gizwits_http_get(body, "host", &host) || !host_ok(host))
        return -EINVAL;
    if (!gizwits_http_get(body, "port", &port) || !ag_span_uint(port, 65535, &n) || n == 0)
        return -EINVAL;
    if (gizwits_http_get(body, "server_ts", &ts) && !ag_span_uint(ts, INT64_MAX, &seconds))
        seconds = 0; /* a hint only */
    if (!copy(out->host, GIZWITS_HOST_MAX, host))
        return -EINVAL;
    out->port = (uint16_t) n;
    out->server_ts = (int64_t) seconds;
    return 0;
}

int gizwits_http_parse_target(struct ag_span body, bool v41, struct gizwits_target *out)
{
    struct gizwits_target t = {.id = 0};
    struct ag_span value, url;
    uint64_t id = 0;

    if (!gizwits_http_get(body, v41 ? "soft_ver" : "target_fid", &value))
        return -EINVAL;
    if (v41 && (value.len == 0 || !copy(t.version, GIZWITS_VERSION_MAX, value)))
        return -EINVAL;
    if (!v41 && !ag_span_uint(value, UINT32_MAX, &id))
        return -EINVAL;
    t.id = (uint32_t) id;
    if (!gizwits_http_get(body, "download_url", &url) || !gizwits_url_ok(url) || !copy(t.url, GIZWITS_DOWNLOAD_MAX, url))
        return -EINVAL;
    *out = t;
    return 0;
}
