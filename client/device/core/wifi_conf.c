/* SPDX-License-Identifier: MIT */
#include "client/device/core/wifi_conf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include "libagent/core/json/json.h"
#include "libagent/core/utf8.h"

static bool has_control(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char) s.p[i];

        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

static bool is_hex_key(struct ag_span s)
{
    if (s.len != WIFI_PSK_HEX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!isxdigit((unsigned char) s.p[i]))
            return false;
    }
    return true;
}

static bool has_line_end(struct ag_span s)
{
    return memchr(s.p, '\0', s.len) || memchr(s.p, '\n', s.len) || memchr(s.p, '\r', s.len);
}

int wifi_conf_check(struct ag_span ssid, struct ag_span psk)
{
    if (ssid.len == 0 || ssid.len > WIFI_SSID_MAX || has_line_end(ssid))
        return WIFI_E_SSID;
    if (psk.len != 0 && !is_hex_key(psk) && (psk.len < WIFI_PSK_MIN || psk.len > WIFI_PSK_MAX || has_control(psk)))
        return WIFI_E_PSK;
    return 0;
}

/* ---- reading ---- */

/* What the lines so far have given. */
struct reading {
    struct wifi_conf w;
    bool bad_ssid, bad_psk; /* the last line of that name was not understood */
    bool open;              /* key_mgmt says that there is no key */
    bool has_wep;           /* or one of the oldest kind, which we do not use */
};

static struct ag_span trimmed(struct ag_span s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.p[0]) && s.p[0])
        s = (struct ag_span){s.p + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r\n", s.p[s.len - 1]) && s.p[s.len - 1])
        s.len--;
    return s;
}

static bool line_value(struct ag_span line, const char *name, struct ag_span *out)
{
    const char *eq = line.len > 0 ? memchr(line.p, '=', line.len) : NULL;

    if (!eq || !ag_span_is(trimmed((struct ag_span){line.p, (size_t) (eq - line.p)}), name, strlen(name)))
        return false;
    *out = trimmed((struct ag_span){eq + 1, line.len - (size_t) (eq + 1 - line.p)});
    return true;
}

/* Every quote and every backslash is escaped (some JSON printers write \/ for a slash), so the writer escapes. */
static bool is_escaped(struct ag_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"')
            return false;
        if (s.p[i] == '\\' && (++i == s.len || !strchr("\"\\/", s.p[i]) || !s.p[i]))
            return false;
    }
    return true;
}

/* 'TEXT' as a shell reads it: each quote of the text is there as '\''. */
static bool take_shell_text(struct ag_span v, char *out, size_t max)
{
    size_t n = 0;

    for (v = (struct ag_span){v.p + 1, v.len - 2}; v.len > 0;) {
        size_t step = v.len >= 4 && memcmp(v.p, "'\\''", 4) == 0 ? 4 : 1;

        if (n == max)
            return false;
        out[n++] = v.p[0];
        v = (struct ag_span){v.p + step, v.len - step};
    }
    out[n] = '\0';
    return strlen(out) == n;
}

/* The text of a value, with or without quotes. false: not understood, or longer than max. */
static bool take_text(struct ag_span v, char *out, size_t max)
{
    bool quoted = v.len > 0 && v.p[0] == '"', escaped;
    size_t n = 0;

    if (v.len >= 2 && v.p[0] == '\'' && v.p[v.len - 1] == '\'')
        return take_shell_text(v, out, max);
    if (quoted) {
        const char *last = memrchr(v.p, '"', v.len);

        if (last == v.p)
            return false;
        v = (struct ag_span){v.p + 1, (size_t) (last - v.p - 1)};
    }
    escaped = quoted && is_escaped(v);
    for (size_t i = 0; i < v.len; i++) {
        if (escaped && v.p[i] == '\\')
            i++;
        if (n == max)
            return false;
        out[n++] = v.p[i];
    }
    out[n] = '\0';
    return strlen(out) == n;
}

static bool is_usable(const char *ssid, const char *psk)
{
    return wifi_conf_check((struct ag_span){ssid, strlen(ssid)}, (struct ag_span){psk, strlen(psk)}) == 0;
}

static void take_ssid(struct reading *r, struct ag_span value)
{
    char text[WIFI_SSID_MAX + 1] = "";

    r->bad_ssid = !take_text(value, text, WIFI_SSID_MAX) || !is_usable(text, "");
    memcpy(r->w.ssid, r->bad_ssid ? "" : text, r->bad_ssid ? 1 : sizeof text);
}

static void take_psk(struct reading *r, struct ag_span value)
{
    char text[WIFI_PSK_HEX + 1] = "";

    r->bad_psk = !take_text(value, text, WIFI_PSK_HEX) || !is_usable("-", text);
    memcpy(r->w.psk, r->bad_psk ? "" : text, r->bad_psk ? 1 : sizeof text);
    explicit_bzero(text, sizeof text);
}

static const char *const marks[] = {
    [WIFI_FIRST_TRIAL] = "# not joined yet", [WIFI_NEXT_TRIAL] = "# not joined yet, but a network before it"};

/* WIFI_JOINED: the line is no mark. */
static enum wifi_trial mark_of(struct ag_span line)
{
    for (size_t i = WIFI_FIRST_TRIAL; i < ag_array_size(marks); i++) {
        if (ag_span_is(trimmed(line), marks[i], strlen(marks[i])))
            return (enum wifi_trial) i;
    }
    return WIFI_JOINED;
}

static void take_line(struct reading *r, struct ag_span line)
{
    struct ag_span value;
    char digits[24];

    if (mark_of(line) != WIFI_JOINED)
        r->w.trial = mark_of(line);
    else if (line_value(line, "ssid", &value))
        take_ssid(r, value);
    else if (line_value(line, "psk", &value))
        take_psk(r, value);
    else if (line_value(line, "key_mgmt", &value))
        r->open = value.len >= 4 && memmem(value.p, value.len, "NONE", 4) != NULL;
    else if (trimmed(line).len > 7 && memcmp(trimmed(line).p, "wep_key", 7) == 0)
        r->has_wep = true;
    else if (line_value(line, "uid", &value) && take_text(value, digits, sizeof digits - 1))
        (void) ag_span_uint((struct ag_span){digits, strlen(digits)}, UINT64_MAX, &r->w.uid);
}

/* The first line; *rest is what follows. */
static struct ag_span next_line(struct ag_span *rest)
{
    const char *end = memchr(rest->p, '\n', rest->len);
    struct ag_span line = {rest->p, end ? (size_t) (end - rest->p) + 1 : rest->len};

    *rest = (struct ag_span){rest->p + line.len, rest->len - line.len};
    return line;
}

int wifi_conf_parse(struct wifi_conf *out, struct ag_span file)
{
    struct reading r = {.open = false};

    file = ag_utf8_without_mark(file);
    while (file.len > 0)
        take_line(&r, next_line(&file));
    memcpy(out, &r.w, sizeof *out);
    explicit_bzero(&r.w, sizeof r.w);
    if (r.bad_ssid || !out->ssid[0])
        return WIFI_E_SSID;
    return r.bad_psk || (!out->psk[0] && (!r.open || r.has_wep)) ? WIFI_E_PSK : 0;
}

/* ---- writing ---- */

static int append_quoted(struct ag_buf *out, const char *name, const char *value)
{
    int r = ag_buf_printf(out, "%s=\"", name);

    for (; r == 0 && *value; value++) {
        if (*value == '"' || *value == '\\')
            r = ag_buf_append_char(out, '\\');
        if (r == 0)
            r = ag_buf_append_char(out, *value);
    }
    return r == 0 ? ag_buf_append_str(out, "\"\n") : r;
}

int wifi_conf_build(struct ag_buf *out, const struct wifi_conf *w)
{
    int r = append_quoted(out, "ssid", w->ssid);

    if (r == 0 && is_hex_key((struct ag_span){w->psk, strlen(w->psk)}))
        r = ag_buf_printf(out, "psk=%s\n", w->psk);
    else if (r == 0 && w->psk[0])
        r = append_quoted(out, "psk", w->psk);
    if (r == 0)
        r = ag_buf_printf(out, "key_mgmt=%s\n", w->psk[0] ? "WPA" : "NONE");
    if (r == 0 && w->uid != 0)
        r = ag_buf_printf(out, "uid=%" PRIu64 "\n", w->uid);
    if (r == 0 && w->trial != WIFI_JOINED)
        r = ag_buf_printf(out, "%s\n", marks[w->trial]);
    return r;
}

int wifi_conf_without_mark(struct ag_buf *out, struct ag_span file)
{
    int found = 0;

    while (file.len > 0) {
        struct ag_span line = next_line(&file);

        if (mark_of(line) != WIFI_JOINED)
            found = 1;
        else if (ag_buf_append_span(out, line) < 0)
            return -ENOMEM;
    }
    return found;
}
