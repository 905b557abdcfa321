/* SPDX-License-Identifier: MIT */
#include "libagent/core/text/base64.h"

#include <errno.h>
#include <stdbool.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int ag_base64_encode(struct ag_buf *out, const void *p, size_t n)
{
    const unsigned char *in = p;
    char *to;
    int r = ag_buf_reserve(out, (n + 2) / 3 * 4);

    if (r < 0 || n == 0)
        return r;
    to = out->data + out->len;
    for (; n >= 3; n -= 3, in += 3) {
        *to++ = ALPHABET[in[0] >> 2];
        *to++ = ALPHABET[(in[0] & 3) << 4 | in[1] >> 4];
        *to++ = ALPHABET[(in[1] & 15) << 2 | in[2] >> 6];
        *to++ = ALPHABET[in[2] & 63];
    }
    if (n > 0) {
        unsigned second = n > 1 ? in[1] : 0;

        *to++ = ALPHABET[in[0] >> 2];
        *to++ = ALPHABET[(in[0] & 3) << 4 | second >> 4];
        *to++ = n > 1 ? ALPHABET[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    out->len = (size_t) (to - out->data);
    return 0;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* A group of four into at most three bytes; how many, or -1. Padding only when last. */
static int decode_group(const char *p, bool last, unsigned char out[3])
{
    int a = value_of(p[0]), b = value_of(p[1]), c = value_of(p[2]), d = value_of(p[3]);

    if (a < 0 || b < 0)
        return -1;
    out[0] = (unsigned char) (a << 2 | b >> 4);
    if (last && p[2] == '=' && p[3] == '=')
        return b & 15 ? -1 : 1;
    if (c < 0)
        return -1;
    out[1] = (unsigned char) ((b & 15) << 4 | c >> 2);
    if (last && p[3] == '=')
        return c & 3 ? -1 : 2;
    if (d < 0)
        return -1;
    out[2] = (unsigned char) ((c & 3) << 6 | d);
    return 3;
}

int ag_base64_decode(struct ag_buf *out, struct ag_span text)
{
    size_t len = out->len;
    int r;

    if (text.len % 4 != 0)
        return -EINVAL;
    r = ag_buf_reserve(out, text.len / 4 * 3);
    if (r < 0)
        return r;
    for (size_t i = 0; i < text.len; i += 4) {
        int n = decode_group(text.p + i, i + 4 == text.len, (unsigned char *) out->data + len);

        if (n < 0)
            return -EINVAL;
        len += (size_t) n;
    }
    out->len = len;
    return 0;
}
