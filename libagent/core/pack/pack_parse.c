/* SPDX-License-Identifier: MIT */
/* JSON values to MessagePack. The text has passed the scanner, so the walk only has to tell values apart. */
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/pack/pack_value.h"

#include <math.h>
#include <msgpack/pack.h>
#include <stdbool.h>
#include "libagent/core/json/json.h"
#include "libagent/core/pack/pack.h"
#include "libagent/core/text/double.h"

struct container {
    size_t at; /* of the head, counted from the buffer's read position: one byte is kept free for it */
    uint32_t n;
    bool array;
};

struct walk {
    const char *p, *end;
    struct ag_buf *out;
    msgpack_packer pk;
    unsigned depth;
    bool want_key;
    struct container stack[AG_PACK_VALUE_DEPTH];
};

int ag_pack_write(void *buf, const char *p, size_t n)
{
    return ag_buf_append(buf, p, n);
}

/* The string that begins at w->p, quotes included; moves behind it. */
static struct ag_span take_string(struct walk *w, bool *escaped_out)
{
    const char *begin = w->p;

    *escaped_out = false;
    for (w->p++; *w->p != '"'; w->p++)
        if (*w->p == '\\') {
            *escaped_out = true;
            w->p++;
        }
    w->p++;
    return (struct ag_span){begin, (size_t) (w->p - begin)};
}

static int pack_str(struct walk *w, const char *p, size_t n)
{
    int r = msgpack_pack_str(&w->pk, n);

    return r == 0 ? msgpack_pack_str_body(&w->pk, p, n) : r;
}

static int pack_string(struct walk *w)
{
    enum { HEAD_MAX = 5 };
    bool escaped;
    struct ag_span raw = take_string(w, &escaped);
    struct ag_buf *out = w->out;
    size_t body;
    long n;
    int r;

    if (!escaped)
        return pack_str(w, raw.p + 1, raw.len - 2);
    r = ag_buf_reserve(out, HEAD_MAX + raw.len); /* decoded in place, behind the longest head */
    if (r < 0)
        return r;
    body = out->len + HEAD_MAX;
    n = ag_json_unescape(raw, out->data + body, raw.len);
    if (n < 0)
        return AG_PACK_E_UTF8;
    r = msgpack_pack_str(&w->pk, (size_t) n);
    if (r < 0)
        return r;
    memmove(out->data + out->len, out->data + body, (size_t) n);
    out->len += (size_t) n;
    return 0;
}

static int pack_float(struct walk *w, const char *text, size_t n)
{
    double v;
    int r = ag_double_read((struct ag_span){text, n}, &v);

    if (r < 0)
        return r;
    if (!isfinite(v))
        return AG_PACK_E_NUMBER;
    return msgpack_pack_double(&w->pk, v);
}

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static int pack_number(struct walk *w)
{
    const char *begin = w->p;
    bool negative = *begin == '-';
    uint64_t u;
    size_t n;

    while (w->p < w->end && is_number_char(*w->p))
        w->p++;
    n = (size_t) (w->p - begin);
    if (!ag_span_uint((struct ag_span){begin + negative, n - negative}, UINT64_MAX, &u))
        return pack_float(w, begin, n);
    if (!negative)
        return msgpack_pack_uint64(&w->pk, u);
    if (u == 0 || u > (uint64_t) INT64_MAX + 1)
        return pack_float(w, begin, n);
    return msgpack_pack_int64(&w->pk, (int64_t) -u);
}

static int open_container(struct walk *w)
{
    if (w->depth == AG_PACK_VALUE_DEPTH)
        return AG_PACK_E_DEPTH;
    w->stack[w->depth++] = (struct container){ag_buf_size(w->out), 0, *w->p == '['};
    w->want_key = *w->p == '{';
    w->p++;
    return ag_buf_append_char(w->out, '\0');
}

/* The count is known now: the head takes the free byte, and pushes the content back when it needs more. */
static int close_container(struct walk *w)
{
    struct container *c = &w->stack[w->depth - 1];
    size_t content = ag_buf_size(w->out) - c->at - 1, head;
    char bytes[8], *at;
    struct ag_buf h = {.data = bytes, .cap = sizeof bytes};
    msgpack_packer pk;
    int r;

    msgpack_packer_init(&pk, &h, ag_pack_write);
    r = c->array ? msgpack_pack_array(&pk, c->n) : msgpack_pack_map(&pk, c->n);
    if (r < 0)
        return r;
    head = ag_buf_size(&h);
    r = ag_buf_reserve(w->out, head - 1);
    if (r < 0)
        return r;
    at = w->out->data + w->out->off + c->at;
    memmove(at + head, at + 1, content);
    memcpy(at, bytes, head);
    w->out->len += head - 1;
    w->depth--;
    w->p++;
    return 0;
}

static void count_value(struct walk *w)
{
    struct container *c = w->depth > 0 ? &w->stack[w->depth - 1] : NULL;

    if (c)
        c->n++;
    w->want_key = c && !c->array;
}

static int literal(struct walk *w, size_t n, int r)
{
    w->p += n;
    return r;
}

/* One token: a key, a value, or the opening or closing of a container. */
static int walk_token(struct walk *w)
{
    int r;

    switch (*w->p) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ',':
    case ':':
        w->p++;
        return 0;
    case '{':
    case '[':
        return open_container(w);
    case '}':
    case ']':
        r = close_container(w);
        break;
    case '"':
        r = pack_string(w);
        if (w->want_key) {
            w->want_key = false;
            return r;
        }
        break;
    case 't':
        r = literal(w, 4, msgpack_pack_true(&w->pk));
        break;
    case 'f':
        r = literal(w, 5, msgpack_pack_false(&w->pk));
        break;
    case 'n':
        r = literal(w, 4, msgpack_pack_nil(&w->pk));
        break;
    default:
        r = pack_number(w);
        break;
    }
    if (r == 0)
        count_value(w);
    return r;
}

int ag_pack_value_from_json(struct ag_span json, struct ag_buf *out)
{
    size_t undo = ag_buf_size(out);
    struct walk w;
    int r = 0;

    w.p = json.p;
    w.end = json.p + json.len;
    w.out = out;
    w.depth = 0;
    w.want_key = false;
    msgpack_packer_init(&w.pk, out, ag_pack_write);
    while (r == 0 && w.p < w.end)
        r = walk_token(&w);
    if (r != 0)
        out->len = out->off + undo;
    return r;
}
