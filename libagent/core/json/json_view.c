/* SPDX-License-Identifier: MIT */
/* Reading the members of a text that the scanner has accepted. */
#include "libagent/core/json/json.h"

#include <string.h>
#include "libagent/core/json/digit_run.h"

static size_t utf8_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char) cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char) (0xc0 | cp >> 6);
        out[1] = (char) (0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char) (0xe0 | cp >> 12);
        out[1] = (char) (0x80 | (cp >> 6 & 0x3f));
        out[2] = (char) (0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char) (0xf0 | cp >> 18);
    out[1] = (char) (0x80 | (cp >> 12 & 0x3f));
    out[2] = (char) (0x80 | (cp >> 6 & 0x3f));
    out[3] = (char) (0x80 | (cp & 0x3f));
    return 4;
}

/* Four hex digits behind \u; they have passed the scanner. */
static uint32_t hex4(const char *p)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t) ((p[i] & 15) + (p[i] > '9' ? 9 : 0));
    return v;
}

char ag_json_escaped(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

long ag_json_unescape(struct ag_span raw, char *out, size_t n)
{
    const char *p = raw.p + 1, *end = raw.p + raw.len - 1;
    size_t len = 0;

    while (p < end) {
        char utf8[4];
        size_t k = 1;

        if (*p != '\\') {
            utf8[0] = *p++;
        } else if (p[1] != 'u') {
            utf8[0] = ag_json_escaped(p[1]);
            p += 2;
        } else {
            uint32_t cp = hex4(p + 2);

            p += 6;
            if (cp >= 0xdc00 && cp <= 0xdfff)
                return -1;
            if (cp >= 0xd800 && cp <= 0xdbff) {
                uint32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2) : 0;

                if (low < 0xdc00 || low > 0xdfff)
                    return -1;
                cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
                p += 6;
            }
            k = utf8_put(utf8, cp);
        }
        if (len + k > n)
            return -1;
        if (out)
            memcpy(out + len, utf8, k);
        len += k;
    }
    return (long) len;
}

bool ag_view_str(const struct ag_json_view *v, const char *text, enum ag_member m, char *tmp, size_t n, struct ag_span *out)
{
    struct ag_span raw = ag_view_raw(v, text, m);
    long len;

    if (v->at[m].type != AG_JSON_STRING)
        return false;
    if (!v->at[m].escaped) {
        *out = (struct ag_span){raw.p + 1, raw.len - 2};
        return true;
    }
    len = ag_json_unescape(raw, tmp, n);
    if (len < 0)
        return false;
    *out = (struct ag_span){tmp, (size_t) len};
    return true;
}

bool ag_span_uint(struct ag_span raw, uint64_t max, uint64_t *out)
{
    const char *p = raw.p, *end = p + raw.len;
    uint64_t v = 0;

    if (raw.len == 0 || raw.len > 20 || (*p == '0' && raw.len > 1))
        return false;
    if (raw.len >= 8) {
        int64_t head = ag_digits8(p);

        if (head < 0)
            return false;
        v = (uint64_t) head;
        p += 8;
    }
    for (; p < end; p++) {
        unsigned digit = (unsigned char) *p - (unsigned) '0';

        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    /* Twenty digits overflow at most once round: the result is then below the smallest number of twenty digits. */
    if (v > max || (raw.len == 20 && (raw.p[0] != '1' || v < 10000000000000000000ull)))
        return false;
    *out = v;
    return true;
}

bool ag_view_uint(const struct ag_json_view *v, const char *text, enum ag_member m, uint64_t max, uint64_t *out)
{
    return v->at[m].type == AG_JSON_NUMBER && ag_span_uint(ag_view_raw(v, text, m), max, out);
}
