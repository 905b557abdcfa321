#include "client/core/wifi_conf.h"

#include <ctype.h>
#include <inttypes.h>
#include "libagent/core/json.h"

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

int wifi_conf_check(struct ag_span ssid, struct ag_span psk)
{
    if (ssid.len == 0 || ssid.len > WIFI_SSID_MAX || has_control(ssid))
        return WIFI_E_SSID;
    if (psk.len != 0 && !is_hex_key(psk) && (psk.len < WIFI_PSK_MIN || psk.len > WIFI_PSK_MAX || has_control(psk)))
        return WIFI_E_PSK;
    return 0;
}

static bool line_value(struct ag_span line, const char *name, size_t len, struct ag_span *out)
{
    if (line.len <= len || memcmp(line.p, name, len) != 0 || line.p[len] != '=')
        return false;
    *out = (struct ag_span){line.p + len + 1, line.len - len - 1};
    return true;
}

/* The text between the first and the last quote, a backslash before quote or backslash taken off. */
static bool unquote(struct ag_span v, char *out, size_t max)
{
    const char *first = memchr(v.p, '"', v.len);
    const char *last = v.len > 0 ? memrchr(v.p, '"', v.len) : NULL;
    size_t n = 0;

    if (!first || last == first)
        return false;
    for (const char *p = first + 1; p < last; p++) {
        if (*p == '\\' && p + 1 < last)
            p++;
        if (n == max) {
            out[0] = '\0';
            return false;
        }
        out[n++] = *p;
    }
    out[n] = '\0';
    return true;
}

static struct ag_span trimmed(struct ag_span s)
{
    while (s.len > 0 && isspace((unsigned char) s.p[0]))
        s = (struct ag_span){s.p + 1, s.len - 1};
    while (s.len > 0 && isspace((unsigned char) s.p[s.len - 1]))
        s.len--;
    return s;
}

static void take_line(struct wifi_conf *w, struct ag_span line)
{
    struct ag_span value;
    uint64_t uid;

    if (line_value(line, "ssid", 4, &value)) {
        unquote(value, w->ssid, WIFI_SSID_MAX);
    } else if (line_value(line, "psk", 3, &value)) {
        value = trimmed(value);
        if (!unquote(value, w->psk, WIFI_PSK_MAX) && is_hex_key(value)) {
            memcpy(w->psk, value.p, WIFI_PSK_HEX);
            w->psk[WIFI_PSK_HEX] = '\0';
        }
    } else if (line_value(line, "uid", 3, &value) && ag_span_uint(trimmed(value), UINT64_MAX, &uid)) {
        w->uid = uid;
    }
}

bool wifi_conf_parse(struct wifi_conf *out, struct ag_span file)
{
    struct wifi_conf w = {0};

    while (file.len > 0) {
        const char *end = memchr(file.p, '\n', file.len);
        size_t len = end ? (size_t) (end - file.p) : file.len;

        take_line(&w, trimmed((struct ag_span){file.p, len}));
        file.p += end ? len + 1 : len;
        file.len -= end ? len + 1 : len;
    }
    if (wifi_conf_check((struct ag_span){w.ssid, strlen(w.ssid)}, (struct ag_span){w.psk, strlen(w.psk)}) != 0)
        return false;
    *out = w;
    return true;
}

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
    return r;
}
