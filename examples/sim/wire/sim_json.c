/* SPDX-License-Identifier: MIT */
#include "examples/sim/wire/sim_json.h"

#include <errno.h>
#include <limits.h>

struct in {
    const char *p, *end;
    unsigned left; /* containers that may be opened */
};

/* ---- characters ---- */

static int peek(const struct in *in)
{
    return in->p < in->end ? (unsigned char) *in->p : -1;
}

static bool eat(struct in *in, int c)
{
    if (peek(in) != c)
        return false;
    in->p++;
    return true;
}

static void eat_space(struct in *in)
{
    while (eat(in, ' ') || eat(in, '\t') || eat(in, '\n') || eat(in, '\r'))
        ;
}

static bool eat_word(struct in *in, const char *w)
{
    for (; *w; w++) {
        if (!eat(in, *w))
            return false;
    }
    return true;
}

static int hex(int c)
{
    static const char all[] = "0123456789abcdefABCDEF";
    const char *at = c > 0 ? strchr(all, c) : NULL;

    return !at ? -1 : at - all > 15 ? (int) (at - all - 6) : (int) (at - all);
}

/* One code point beyond ASCII, by its arithmetic; -1: none. */
static long eat_utf8(struct in *in)
{
    static const long smallest[] = {0, 0x80, 0x800, 0x10000};
    int c = peek(in), more = c >= 0xf8 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    long cp;

    if (more == 0)
        return -1;
    in->p++;
    cp = c & (0x3f >> more);
    for (int i = 0; i < more; i++, in->p++) {
        if (peek(in) < 0x80 || peek(in) > 0xbf)
            return -1;
        cp = cp << 6 | (peek(in) & 0x3f);
    }
    return cp >= smallest[more] && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff) ? cp : -1;
}

static long eat_hex4(struct in *in)
{
    long n = 0;

    for (int i = 0; i < 4; i++, in->p++) {
        if (hex(peek(in)) < 0)
            return -1;
        n = n * 16 + hex(peek(in));
    }
    return n;
}

static long eat_escape(struct in *in)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(in);
    const char *at = c > 0 ? strchr(from, c) : NULL;

    if (eat(in, 'u'))
        return eat_hex4(in);
    if (!at)
        return -1;
    in->p++;
    return to[at - from];
}

/* One code unit or code point of a string's inside: half a pair of surrogates is one, too. -1: no character can be there. */
static long eat_unit(struct in *in)
{
    int c = peek(in);

    if (eat(in, '\\'))
        return eat_escape(in);
    if (c >= 0x80)
        return eat_utf8(in);
    if (c < 0x20)
        return -1;
    in->p++;
    return c;
}

bool sim_utf8_valid(struct ag_span s)
{
    struct in in = {.p = s.p, .end = s.p + s.len};

    while (in.p < in.end) {
        if (peek(&in) < 0x80)
            in.p++;
        else if (eat_utf8(&in) < 0)
            return false;
    }
    return true;
}

/* ---- the grammar ---- */

static bool eat_value(struct in *in);

static bool eat_string(struct in *in)
{
    if (!eat(in, '"'))
        return false;
    while (!eat(in, '"')) {
        if (eat_unit(in) < 0)
            return false;
    }
    return true;
}

static bool eat_digits(struct in *in)
{
    const char *from = in->p;

    while (peek(in) >= '0' && peek(in) <= '9')
        in->p++;
    return in->p > from;
}

static bool eat_number(struct in *in)
{
    eat(in, '-');
    if (!eat(in, '0') && !eat_digits(in))
        return false;
    if (eat(in, '.') && !eat_digits(in))
        return false;
    if (eat(in, 'e') || eat(in, 'E')) {
        if (!eat(in, '+'))
            eat(in, '-');
        return eat_digits(in);
    }
    return true;
}

static bool eat_member(struct in *in)
{
    if (!eat_string(in))
        return false;
    eat_space(in);
    if (!eat(in, ':'))
        return false;
    eat_space(in);
    return eat_value(in);
}

/* Its first byte has been eaten. */
static bool eat_rest(struct in *in, int last, bool (*eat_one)(struct in *in))
{
    if (in->left == 0)
        return false;
    in->left--;
    eat_space(in);
    if (!eat(in, last)) {
        do {
            eat_space(in);
            if (!eat_one(in))
                return false;
            eat_space(in);
        } while (eat(in, ','));
        if (!eat(in, last))
            return false;
    }
    in->left++;
    return true;
}

static bool eat_value(struct in *in)
{
    switch (peek(in)) {
    case '{':
        in->p++;
        return eat_rest(in, '}', eat_member);
    case '[':
        in->p++;
        return eat_rest(in, ']', eat_value);
    case '"':
        return eat_string(in);
    case 't':
        return eat_word(in, "true");
    case 'f':
        return eat_word(in, "false");
    case 'n':
        return eat_word(in, "null");
    default:
        return eat_number(in);
    }
}

size_t sim_json_object_len(const char *p, size_t n, unsigned max_depth)
{
    struct in in = {p, p + n, max_depth};

    return peek(&in) == '{' && eat_value(&in) ? (size_t) (in.p - p) : 0;
}

bool sim_json_object(struct ag_span *text, unsigned max_depth)
{
    struct in in = {text->p, text->p + text->len, max_depth};
    struct ag_span object;

    eat_space(&in);
    object = (struct ag_span){in.p, sim_json_object_len(in.p, (size_t) (in.end - in.p), max_depth)};
    in.p += object.len;
    eat_space(&in);
    if (object.len == 0 || in.p < in.end)
        return false;
    *text = object;
    return true;
}

/* ---- what is in it ---- */

enum sim_json_type sim_json_type(struct ag_span value)
{
    switch (value.len > 0 ? value.p[0] : 0) {
    case 0:
        return SIM_JSON_NONE;
    case '{':
        return SIM_JSON_OBJECT;
    case '[':
        return SIM_JSON_ARRAY;
    case '"':
        return SIM_JSON_STRING;
    case 't':
    case 'f':
    case 'n':
        return SIM_JSON_WORD;
    default:
        return SIM_JSON_NUMBER;
    }
}

struct sim_json_walk sim_json_walk(struct ag_span container)
{
    enum sim_json_type type = sim_json_type(container);

    if (type != SIM_JSON_OBJECT && type != SIM_JSON_ARRAY)
        return (struct sim_json_walk){"", ""};
    return (struct sim_json_walk){container.p, container.p + container.len};
}

static bool is_end(int c)
{
    return c == '}' || c == ']' || c < 0;
}

bool sim_json_next(struct sim_json_walk *w, struct ag_span *name, struct ag_span *value)
{
    struct in in = {w->p, w->end, UINT_MAX};
    const char *from;

    if (is_end(peek(&in)))
        return false;
    in.p++; /* the bracket, or a comma */
    eat_space(&in);
    *name = (struct ag_span){NULL, 0};
    if (is_end(peek(&in)))
        return false;
    from = in.p;
    if (w->end[-1] == '}') {
        eat_string(&in);
        *name = (struct ag_span){from, (size_t) (in.p - from)};
        eat_space(&in);
        in.p++; /* the colon */
        eat_space(&in);
        from = in.p;
    }
    eat_value(&in);
    *value = (struct ag_span){from, (size_t) (in.p - from)};
    eat_space(&in);
    w->p = in.p;
    return true;
}

bool sim_json_is(struct ag_span string, const char *name)
{
    struct in in = {string.p + 1, string.p + string.len - 1, 0};

    while (*name && in.p < in.end) {
        if (eat_unit(&in) != *name++)
            return false;
    }
    return !*name && in.p == in.end;
}

struct ag_span sim_json_get(struct ag_span object, const char *name)
{
    struct sim_json_walk w = sim_json_walk(object);
    struct ag_span found, value;

    while (sim_json_next(&w, &found, &value)) {
        if (found.p && sim_json_is(found, name))
            return value;
    }
    return (struct ag_span){NULL, 0};
}

bool sim_json_uint(struct ag_span value, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned char) value.p[i] - '0';

        if (digit > 9 || digit > max || n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (value.len == 0)
        return false;
    *out = n;
    return true;
}

static int append_code_point(struct ag_buf *out, long c)
{
    char b[4];
    size_t n = 0;

    if (c < 0x80) {
        b[n++] = (char) c;
    } else if (c < 0x800) {
        b[n++] = (char) (0xc0 | c >> 6);
    } else if (c < 0x10000) {
        b[n++] = (char) (0xe0 | c >> 12);
        b[n++] = (char) (0x80 | (c >> 6 & 0x3f));
    } else {
        b[n++] = (char) (0xf0 | c >> 18);
        b[n++] = (char) (0x80 | (c >> 12 & 0x3f));
        b[n++] = (char) (0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        b[n++] = (char) (0x80 | (c & 0x3f));
    return ag_buf_append(out, b, n);
}

int sim_json_text(struct ag_buf *out, struct ag_span string)
{
    struct in in;
    int r = 0;

    if (sim_json_type(string) != SIM_JSON_STRING)
        return -EINVAL;
    in = (struct in){string.p + 1, string.p + string.len - 1, 0};
    while (r == 0 && in.p < in.end) {
        long c = eat_unit(&in), low;

        if (c >= 0xd800 && c < 0xdc00) {
            low = in.p < in.end ? eat_unit(&in) : -1;
            c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00) : -1;
        } else if (c >= 0xdc00 && c < 0xe000) {
            c = -1;
        }
        r = c < 0 ? -EINVAL : append_code_point(out, c);
    }
    return r;
}

int sim_json_compact(struct ag_buf *out, struct ag_span value)
{
    struct in in = {value.p, value.p + value.len, 0};
    int r = 0;

    while (r == 0 && in.p < in.end) {
        const char *from;

        eat_space(&in);
        from = in.p;
        if (peek(&in) == '"')
            eat_string(&in);
        else if (peek(&in) >= 0)
            in.p++;
        r = ag_buf_append(out, from, (size_t) (in.p - from));
    }
    return r;
}
