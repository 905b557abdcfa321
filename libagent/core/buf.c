/* SPDX-License-Identifier: MIT */
#include "libagent/core/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "libagent/core/utf8.h"

enum { BUF_MIN = 256 };

static void give_back(const struct ag_buf *b)
{
    if (b->secret && b->data)
        explicit_bzero(b->data, b->cap);
    free(b->data);
}

void ag_buf_deinit(struct ag_buf *b)
{
    give_back(b);
    *b = (struct ag_buf){.secret = b->secret};
}

void ag_buf_wipe(struct ag_buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    ag_buf_clear(b);
}

int ag_buf_reserve(struct ag_buf *b, size_t n)
{
    size_t used = ag_buf_size(b);
    size_t cap;
    char *data;

    if (b->cap - b->len >= n)
        return 0;
    if (b->off > 0 && b->cap - used >= n && b->off >= used) { /* half or more is consumed: moving is cheap */
        memmove(b->data, b->data + b->off, used);
        b->off = 0;
        b->len = used;
        return 0;
    }
    if (n > SIZE_MAX / 4 || used > SIZE_MAX / 4)
        return -ENOMEM;
    for (cap = BUF_MIN; cap < used + n;)
        cap *= 2;
    data = malloc(cap);
    if (!data)
        return -ENOMEM;
    if (used > 0)
        memcpy(data, b->data + b->off, used);
    give_back(b);
    b->data = data;
    b->off = 0;
    b->len = used;
    b->cap = cap;
    return 0;
}

int ag_buf_append_char(struct ag_buf *b, char c)
{
    return ag_buf_append(b, &c, 1);
}

int ag_buf_append_str(struct ag_buf *b, const char *s)
{
    return ag_buf_append(b, s, strlen(s));
}

int ag_buf_vprintf(struct ag_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n, r;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return -EINVAL;
    r = ag_buf_reserve(b, (size_t) n + 1);
    if (r < 0)
        return r;
    vsnprintf(b->data + b->len, (size_t) n + 1, fmt, ap);
    b->len += (size_t) n;
    return 0;
}

int ag_buf_printf(struct ag_buf *b, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = ag_buf_vprintf(b, fmt, ap);
    va_end(ap);
    return r;
}

int ag_buf_append_u64(struct ag_buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char) ('0' + v % 10);
    while (v /= 10);
    return ag_buf_append(b, digits + at, sizeof digits - at);
}

/* Length of a character that goes into a JSON string as it is; 0: it does not. */
static size_t plain_len(const char *p, size_t n)
{
    unsigned char c = (unsigned char) *p;

    if (c >= 0x80)
        return ag_utf8_len(p, n);
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static size_t json_escape(char out[6], unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(names, c) : NULL;

    if (c >= 0x80) {
        memcpy(out, "\xef\xbf\xbd", 3); /* U+FFFD */
        return 3;
    }
    out[0] = '\\';
    if (at) {
        out[1] = letters[at - names];
        return 2;
    }
    out[1] = 'u';
    out[2] = out[3] = '0';
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

int ag_buf_append_json_str(struct ag_buf *b, const char *s, size_t n)
{
    size_t undo = ag_buf_size(b), plain = 0, i = 0;
    int r = ag_buf_append_char(b, '"');

    while (r == 0 && i < n) {
        size_t len = plain_len(s + i, n - i);
        char esc[6];

        if (len > 0) {
            i += len;
            continue;
        }
        r = ag_buf_append(b, s + plain, i - plain);
        if (r == 0)
            r = ag_buf_append(b, esc, json_escape(esc, (unsigned char) s[i]));
        plain = ++i;
    }
    if (r == 0)
        r = ag_buf_append(b, s + plain, n - plain);
    if (r == 0)
        r = ag_buf_append_char(b, '"');
    if (r < 0)
        b->len = b->off + undo;
    return r;
}

const char *ag_buf_cstr(struct ag_buf *b)
{
    if (ag_buf_reserve(b, 1) < 0)
        return NULL;
    b->data[b->len] = '\0';
    return b->data + b->off;
}

char *ag_buf_steal_cstr(struct ag_buf *b)
{
    size_t used = ag_buf_size(b);
    char *out;

    if (!ag_buf_cstr(b))
        return NULL;
    if (b->off > 0)
        memmove(b->data, b->data + b->off, used + 1);
    out = b->data;
    ag_buf_init(b);
    return out;
}
