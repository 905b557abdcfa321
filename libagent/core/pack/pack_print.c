/* SPDX-License-Identifier: MIT */
/* MessagePack values to JSON text. No recursion: open containers are on a stack of fixed size. */
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/pack/pack_value.h"

#include <math.h>
#include "libagent/core/pack/pack.h"
#include "libagent/core/text/base64.h"
#include "libagent/core/text/double.h"
#include "libagent/core/utf8.h"

/* n bytes, most significant first. */
static bool take_be(struct ag_span *in, unsigned n, uint64_t *out)
{
    uint64_t v = 0;

    if (in->len < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | (uint8_t) in->p[i];
    in->p += n;
    in->len -= n;
    *out = v;
    return true;
}

struct form {
    uint8_t type;  /* enum ag_pack_type */
    uint8_t bytes; /* that follow the type byte and give the value or the length */
};

/* Type bytes 0xc0..0xdf of the MessagePack specification. 0xc1 was handled before. */
static const struct form forms[32] = {
    {AG_PACK_NIL, 0},  {AG_PACK_NIL, 0},  {AG_PACK_BOOL, 0}, {AG_PACK_BOOL, 0}, {AG_PACK_BIN, 1},     {AG_PACK_BIN, 2},
    {AG_PACK_BIN, 4},  {AG_PACK_EXT, 0},  {AG_PACK_EXT, 0},  {AG_PACK_EXT, 0},  {AG_PACK_FLOAT32, 4}, {AG_PACK_FLOAT64, 8},
    {AG_PACK_UINT, 1}, {AG_PACK_UINT, 2}, {AG_PACK_UINT, 4}, {AG_PACK_UINT, 8}, {AG_PACK_INT, 1},     {AG_PACK_INT, 2},
    {AG_PACK_INT, 4},  {AG_PACK_INT, 8},  {AG_PACK_EXT, 0},  {AG_PACK_EXT, 0},  {AG_PACK_EXT, 0},     {AG_PACK_EXT, 0},
    {AG_PACK_EXT, 0},  {AG_PACK_STR, 1},  {AG_PACK_STR, 2},  {AG_PACK_STR, 4},  {AG_PACK_ARRAY, 2},   {AG_PACK_ARRAY, 4},
    {AG_PACK_MAP, 2},  {AG_PACK_MAP, 4},
};

/* Extends the sign of a number of so many bytes; a signed form may hold a number that is not negative. */
static void head_signed(struct ag_pack_head *h, unsigned bytes)
{
    uint64_t sign = 1ull << (8 * bytes - 1);

    h->u = (h->u ^ sign) - sign;
    if (!(h->u >> 63))
        h->type = AG_PACK_UINT;
}

int ag_pack_read_head(struct ag_span *in, struct ag_pack_head *out)
{
    struct ag_span s = *in;
    struct ag_pack_head h;
    uint64_t c;

    if (!take_be(&s, 1, &c) || c == 0xc1)
        return AG_PACK_E_SYNTAX;
    if (c < 0x80) {
        h = (struct ag_pack_head){AG_PACK_UINT, c};
    } else if (c < 0x90) {
        h = (struct ag_pack_head){AG_PACK_MAP, c & 15};
    } else if (c < 0xa0) {
        h = (struct ag_pack_head){AG_PACK_ARRAY, c & 15};
    } else if (c < 0xc0) {
        h = (struct ag_pack_head){AG_PACK_STR, c & 31};
    } else if (c >= 0xe0) {
        h = (struct ag_pack_head){AG_PACK_INT, c | ~(uint64_t) 0xff};
    } else {
        struct form f = forms[c - 0xc0];

        h = (struct ag_pack_head){(enum ag_pack_type) f.type, c & 1}; /* 0xc2 false, 0xc3 true */
        if (f.bytes > 0 && !take_be(&s, f.bytes, &h.u))
            return AG_PACK_E_SYNTAX;
        if (f.type == AG_PACK_INT)
            head_signed(&h, f.bytes);
    }
    if ((h.type == AG_PACK_STR || h.type == AG_PACK_BIN) && h.u > s.len)
        return AG_PACK_E_SYNTAX;
    *in = s;
    *out = h;
    return 0;
}

int ag_pack_str_to_json(struct ag_span bytes, struct ag_buf *out)
{
    if (!ag_utf8_valid(bytes))
        return AG_PACK_E_UTF8;
    return ag_buf_append_json_str(out, bytes.p, bytes.len);
}

static int append_bin(struct ag_buf *out, struct ag_span bytes)
{
    int r = ag_buf_append_str(out, "{\"base64\":\"");

    if (r == 0)
        r = ag_base64_encode(out, bytes.p, bytes.len);
    return r == 0 ? ag_buf_append_str(out, "\"}") : r;
}

/* With a point or an exponent, so that it comes back as a float. */
static int append_double(struct ag_buf *out, double v, bool single)
{
    char text[AG_DOUBLE_TEXT + 2];
    size_t n;

    if (!isfinite(v))
        return AG_PACK_E_NUMBER;
    n = ag_double_print(v, single, text);
    if (strspn(text, "-0123456789") == n)
        memcpy(text + n, ".0", sizeof ".0");
    return ag_buf_append_str(out, text);
}

static int append_float(struct ag_buf *out, const struct ag_pack_head *h)
{
    uint32_t bits = (uint32_t) h->u;
    double v;
    float f;

    if (h->type == AG_PACK_FLOAT32) {
        memcpy(&f, &bits, sizeof f);
        return append_double(out, (double) f, true);
    }
    memcpy(&v, &h->u, sizeof v);
    return append_double(out, v, false);
}

/* Everything but the containers. */
static int append_scalar(struct ag_buf *out, const struct ag_pack_head *h, struct ag_span *in)
{
    struct ag_span bytes = {in->p, (size_t) h->u};
    int r;

    switch (h->type) {
    case AG_PACK_NIL:
        return ag_buf_append_str(out, "null");
    case AG_PACK_BOOL:
        return ag_buf_append_str(out, h->u ? "true" : "false");
    case AG_PACK_UINT:
        return ag_buf_append_u64(out, h->u);
    case AG_PACK_INT:
        r = ag_buf_append_char(out, '-');
        return r == 0 ? ag_buf_append_u64(out, -h->u) : r;
    case AG_PACK_FLOAT32:
    case AG_PACK_FLOAT64:
        return append_float(out, h);
    case AG_PACK_STR:
    case AG_PACK_BIN:
        in->p += bytes.len;
        in->len -= bytes.len;
        return h->type == AG_PACK_STR ? ag_pack_str_to_json(bytes, out) : append_bin(out, bytes);
    default:
        return AG_PACK_E_TYPE;
    }
}

struct open {
    uint64_t left; /* values still to come; a map's keys count too */
    bool map, first;
};

struct printer {
    struct ag_buf *out;
    unsigned depth;
    struct open stack[AG_PACK_VALUE_DEPTH];
};

/* What stands before the next value; *key_out: that is a map's key. */
static int print_separator(struct printer *p, bool *key_out)
{
    struct open *o = p->depth > 0 ? &p->stack[p->depth - 1] : NULL;
    bool key = o && o->map && o->left % 2 == 0;
    int r = 0;

    if (o && o->map && !key)
        r = ag_buf_append_char(p->out, ':');
    else if (o && !o->first)
        r = ag_buf_append_char(p->out, ',');
    if (o)
        o->first = false;
    *key_out = key;
    return r;
}

static int print_open(struct printer *p, const struct ag_pack_head *h)
{
    bool map = h->type == AG_PACK_MAP;

    if (p->depth == AG_PACK_VALUE_DEPTH)
        return AG_PACK_E_DEPTH;
    p->stack[p->depth++] = (struct open){map ? 2 * h->u : h->u, map, true};
    return ag_buf_append_char(p->out, map ? '{' : '[');
}

/* Closes what is full; a closed container is itself a value of the one around it. */
static int print_close(struct printer *p)
{
    int r = 0;

    while (r == 0 && p->depth > 0 && p->stack[p->depth - 1].left == 0) {
        p->depth--;
        r = ag_buf_append_char(p->out, p->stack[p->depth].map ? '}' : ']');
        if (p->depth > 0)
            p->stack[p->depth - 1].left--;
    }
    return r;
}

static int print_value(struct printer *p, struct ag_span *in)
{
    struct ag_pack_head h;
    bool key;
    int r = print_separator(p, &key);

    if (r == 0)
        r = ag_pack_read_head(in, &h);
    if (r != 0)
        return r;
    if (key && h.type != AG_PACK_STR)
        return AG_PACK_E_KEY;
    if (h.type == AG_PACK_ARRAY || h.type == AG_PACK_MAP)
        return print_open(p, &h);
    r = append_scalar(p->out, &h, in);
    if (r == 0 && p->depth > 0)
        p->stack[p->depth - 1].left--;
    return r;
}

int ag_pack_value_to_json(struct ag_span *in, struct ag_buf *out)
{
    size_t undo = ag_buf_size(out);
    struct ag_span s = *in;
    struct printer p;
    int r;

    p.out = out;
    p.depth = 0;
    do {
        r = print_value(&p, &s);
        if (r == 0)
            r = print_close(&p);
    } while (r == 0 && p.depth > 0);
    if (r != 0)
        out->len = out->off + undo;
    else
        *in = s;
    return r;
}
