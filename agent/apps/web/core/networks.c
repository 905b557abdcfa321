/* SPDX-License-Identifier: MIT */
/* The list of networks that a hook prints. */
#include <stdlib.h>
#include <string.h>
#include "agent/apps/web/core/setup.h"
#include "libagent/core/utf8.h"

struct network {
    char name[WEB_SSID_MAX];
    size_t len;
    int signal;
    char security[16];
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One byte of a name as wpa_cli prints it; false: malformed. */
static bool next_byte(struct ag_span s, size_t *i, char *out)
{
    static const char letters[] = "nrte\\\"", meant[] = "\n\r\t\033\\\"";
    const char *at;

    *out = s.p[(*i)++];
    if (*out != '\\')
        return true;
    if (*i >= s.len)
        return false;
    if (s.p[*i] == 'x') {
        int high = *i + 2 < s.len ? hex_digit(s.p[*i + 1]) : -1, low = high < 0 ? -1 : hex_digit(s.p[*i + 2]);

        *out = (char) (high * 16 + low);
        *i += 3;
        return low >= 0;
    }
    at = s.p[*i] ? strchr(letters, s.p[*i]) : NULL;
    if (!at)
        return false;
    *out = meant[at - letters];
    (*i)++;
    return true;
}

/*
 * What cannot be written into a request as text cannot be chosen: names that are not UTF-8, hold control characters or
 * are empty.
 */
static bool read_name(struct ag_span s, struct network *out)
{
    out->len = 0;
    for (size_t i = 0; i < s.len;) {
        char c;

        if (!next_byte(s, &i, &c) || (unsigned char) c < ' ' || c == 0x7f || out->len == sizeof out->name)
            return false;
        out->name[out->len++] = c;
    }
    return out->len > 0 && ag_utf8_valid((struct ag_span){out->name, out->len});
}

static bool read_signal(struct ag_span s, int *out)
{
    char text[8], *end;

    if (s.len == 0 || s.len >= sizeof text)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    *out = (int) strtol(text, &end, 10);
    return *end == '\0' && *out >= -200 && *out <= 200;
}

static bool read_line(struct ag_span line, struct network *out)
{
    const char *a = memchr(line.p, '\t', line.len), *b;
    size_t left = a ? line.len - (size_t) (a + 1 - line.p) : 0, n;

    b = left > 0 ? memchr(a + 1, '\t', left) : NULL;
    if (!b || !read_signal((struct ag_span){line.p, (size_t) (a - line.p)}, &out->signal))
        return false;
    n = (size_t) (b - a - 1);
    if (n == 0 || n >= sizeof out->security)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((a[1 + i] | 0x20) >= 'a' && (a[1 + i] | 0x20) <= 'z') && !(a[1 + i] >= '0' && a[1 + i] <= '9') && a[1 + i] != '-')
            return false;
    memcpy(out->security, a + 1, n);
    out->security[n] = '\0';
    return read_name((struct ag_span){b + 1, line.len - (size_t) (b + 1 - line.p)}, out);
}

/* Each name once, with its strongest sender; of too many the weakest is left out. */
static void keep(struct network *list, size_t *n, const struct network *one)
{
    size_t at = *n, last;

    for (size_t i = 0; i < *n; i++)
        if (list[i].len == one->len && memcmp(list[i].name, one->name, one->len) == 0)
            at = i;
    if (at < *n) {
        if (one->signal <= list[at].signal)
            return;
    } else if (*n < WEB_NETWORKS_MAX) {
        (*n)++;
    } else if (list[(at = WEB_NETWORKS_MAX - 1)].signal >= one->signal) {
        return;
    }
    for (last = at; last > 0 && list[last - 1].signal < one->signal; last--)
        list[last] = list[last - 1];
    list[last] = *one;
}

static int print(const struct network *list, size_t n, struct ag_buf *out)
{
    int r = ag_buf_append_char(out, '[');

    for (size_t i = 0; i < n && r == 0; i++) {
        r = ag_buf_append_str(out, i ? ",{\"ssid\":" : "{\"ssid\":");
        if (r == 0)
            r = ag_buf_append_json_str(out, list[i].name, list[i].len);
        if (r == 0)
            r = ag_buf_printf(out, ",\"signal\":%d,\"security\":\"%s\"}", list[i].signal, list[i].security);
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

int web_networks_print(struct ag_span lines, struct ag_buf *out)
{
    struct network list[WEB_NETWORKS_MAX], one;
    size_t n = 0;

    while (lines.len > 0) {
        const char *end = memchr(lines.p, '\n', lines.len);
        struct ag_span line = {lines.p, end ? (size_t) (end - lines.p) : lines.len};

        if (read_line(line, &one))
            keep(list, &n, &one);
        lines.p += line.len + (end ? 1 : 0);
        lines.len -= line.len + (end ? 1 : 0);
    }
    return print(list, n, out);
}
