/* SPDX-License-Identifier: MIT */
#include "tests/support/json_ref.h"

#include <string.h>

struct ref {
    const unsigned char *p;
    size_t n, at;
    unsigned depth, max_depth;
    size_t id;
};

static bool value(struct ref *r);

static int peek(const struct ref *r)
{
    return r->at < r->n ? r->p[r->at] : -1;
}

static bool eat(struct ref *r, int c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static void space(struct ref *r)
{
    while (eat(r, ' ') || eat(r, '\t') || eat(r, '\n') || eat(r, '\r'))
        ;
}

static bool word(struct ref *r, const char *w)
{
    for (; *w; w++)
        if (!eat(r, *w))
            return false;
    return true;
}

static bool digits(struct ref *r)
{
    size_t from = r->at;

    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    return r->at > from;
}

static bool number(struct ref *r)
{
    eat(r, '-');
    if (!eat(r, '0') && !digits(r))
        return false;
    if (eat(r, '.') && !digits(r))
        return false;
    if (eat(r, 'e') || eat(r, 'E')) {
        if (!eat(r, '+'))
            eat(r, '-');
        return digits(r);
    }
    return true;
}

static int hex(int c)
{
    static const char all[] = "0123456789abcdefABCDEF";
    const char *at = c > 0 ? strchr(all, c) : NULL;

    return !at ? -1 : at - all > 15 ? (int) (at - all - 6) : (int) (at - all);
}

/* Decodes one code point by its arithmetic, not by the byte table. */
static bool utf8(struct ref *r)
{
    static const unsigned long smallest[] = {0, 0x80, 0x800, 0x10000};
    unsigned c = (unsigned) peek(r), more;
    unsigned long cp;

    r->at++;
    more = c >= 0xf8 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (more == 0)
        return false;
    cp = c & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++, r->at++) {
        if (peek(r) < 0x80 || peek(r) > 0xbf)
            return false;
        cp = cp << 6 | ((unsigned) peek(r) & 0x3f);
    }
    return cp >= smallest[more] && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* name: the first bytes of the decoded content; a byte that is not ASCII is stored as '?'. */
static bool string(struct ref *r, char name[8])
{
    size_t k = 0;

    memset(name, 0, 8);
    if (!eat(r, '"'))
        return false;
    while (!eat(r, '"')) {
        int c = peek(r), out = c;

        if (c < 0x20)
            return false;
        if (c == '\\') {
            static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
            const char *at;

            r->at++;
            c = peek(r);
            r->at++;
            if (c == 'u') {
                out = 0;
                for (int i = 0; i < 4; i++, r->at++) {
                    if (hex(peek(r)) < 0)
                        return false;
                    out = out * 16 + hex(peek(r));
                }
                out = out > 0 && out < 0x80 ? out : '?';
            } else {
                at = c > 0 ? strchr(from, c) : NULL;
                if (!at)
                    return false;
                out = to[at - from];
            }
        } else if (c >= 0x80) {
            if (!utf8(r))
                return false;
            out = '?';
        } else {
            r->at++;
        }
        if (k < 7)
            name[k++] = (char) out;
    }
    return true;
}

static bool object(struct ref *r)
{
    char name[8];
    bool good = true;

    if (++r->depth > r->max_depth)
        return false;
    space(r);
    if (!eat(r, '}')) {
        do {
            space(r);
            if (!string(r, name))
                return false;
            space(r);
            if (!eat(r, ':'))
                return false;
            space(r);
            if (r->depth == 1 && r->id == 0 && strcmp(name, "id") == 0)
                r->id = r->at;
            good = value(r);
            space(r);
        } while (good && eat(r, ','));
        good = good && eat(r, '}');
    }
    r->depth--;
    return good;
}

static bool array(struct ref *r)
{
    bool good = true;

    if (++r->depth > r->max_depth)
        return false;
    space(r);
    if (!eat(r, ']')) {
        do {
            space(r);
            good = value(r);
            space(r);
        } while (good && eat(r, ','));
        good = good && eat(r, ']');
    }
    r->depth--;
    return good;
}

static bool value(struct ref *r)
{
    char name[8];

    switch (peek(r)) {
    case '{':
        r->at++;
        return object(r);
    case '[':
        r->at++;
        return array(r);
    case '"':
        return string(r, name);
    case 't':
        return word(r, "true");
    case 'f':
        return word(r, "false");
    case 'n':
        return word(r, "null");
    default:
        return number(r);
    }
}

bool json_ref_object(const char *p, size_t n, unsigned max_depth, size_t *len_out, size_t *id_out)
{
    struct ref r = {.p = (const unsigned char *) p, .n = n, .max_depth = max_depth};

    if (!eat(&r, '{') || !object(&r))
        return false;
    *len_out = r.at;
    if (id_out)
        *id_out = r.id;
    return true;
}
