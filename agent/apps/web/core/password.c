/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/core/password.h"

#include <inttypes.h>
#include "libagent/core/json/json.h"
#include "libagent/core/text/hex.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Up to the next ':', or the rest. */
static struct ag_span field(struct ag_span *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->p, ':', rest->len) : NULL;
    struct ag_span f = {rest->p, end ? (size_t) (end - rest->p) : rest->len};

    rest->p += f.len + (end ? 1 : 0);
    rest->len -= f.len + (end ? 1 : 0);
    return f;
}

static bool read_number(struct ag_span *rest, uint32_t max, uint32_t *out)
{
    uint64_t v;

    if (!ag_span_uint(field(rest), max, &v) || v == 0)
        return false;
    *out = (uint32_t) v;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct ag_span *rest, unsigned char *out, size_t n)
{
    struct ag_span f = field(rest);

    if (f.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(f.p[2 * i]), low = hex_digit(f.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char) (high * 16 + low);
    }
    return true;
}

bool web_password_parse(struct ag_span line, struct web_password *out)
{
    struct web_password p;

    while (line.len > 0 && is_space(line.p[line.len - 1]))
        line.len--;
    while (line.len > 0 && is_space(line.p[0])) {
        line.p++;
        line.len--;
    }
    if (!ag_span_eq(field(&line), "scrypt") || !read_number(&line, 1u << 20, &p.n) || !read_number(&line, 64, &p.r) ||
        !read_number(&line, 64, &p.p) || !read_hex(&line, p.salt, sizeof p.salt) || !read_hex(&line, p.hash, sizeof p.hash) ||
        line.len > 0)
        return false;
    if (p.n < 2 || (p.n & (p.n - 1)) || (uint64_t) p.n * p.r * 128 > WEB_SCRYPT_MEMORY_MAX)
        return false;
    *out = p;
    return true;
}

int web_password_print(const struct web_password *p, struct ag_buf *out)
{
    char salt[2 * sizeof p->salt + 1], hash[2 * sizeof p->hash + 1];

    ag_hex(salt, p->salt, sizeof p->salt);
    ag_hex(hash, p->hash, sizeof p->hash);
    return ag_buf_printf(out, "scrypt:%" PRIu32 ":%" PRIu32 ":%" PRIu32 ":%s:%s\n", p->n, p->r, p->p, salt, hash);
}

bool web_password_is(const struct web_password *p, const unsigned char hash[WEB_HASH_LEN])
{
    unsigned char differs = 0;

    for (size_t i = 0; i < WEB_HASH_LEN; i++)
        differs |= p->hash[i] ^ hash[i];
    return differs == 0;
}
