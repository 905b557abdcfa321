/* SPDX-License-Identifier: MIT */
#include "libagent/core/json/json.h"
#include "libagent/core/json/digit_run.h"
#include "libagent/core/json/plain_run.h"

#include <string.h>

enum state {
    ST_START,     /* '{' */
    ST_OBJ_FIRST, /* behind '{': key or '}' */
    ST_OBJ_KEY,   /* behind ',': key */
    ST_COLON,
    ST_VALUE,
    ST_ARR_FIRST, /* behind '[': value or ']' */
    ST_AFTER,     /* behind a value: ',' or the closing bracket */
    ST_STR,
    ST_ESC,  /* behind a backslash */
    ST_HEX,  /* behind \u */
    ST_UTF8, /* inside a multi-byte character */
    ST_LIT,
    ST_NUM_MINUS,
    ST_NUM_ZERO,
    ST_NUM_INT,
    ST_NUM_DOT,
    ST_NUM_FRAC,
    ST_NUM_E,
    ST_NUM_ESIGN,
    ST_NUM_EXP
};

enum { KEY_TOO_LONG = 255 };

/*
 * With AG_JSON_CHECK_ONLY no member is noted, tokens that are there in one piece have no fast paths, and nesting ends at
 * 64: less than half of the code, for libraries that only want to know whether a text is JSON.
 */
#ifdef AG_JSON_CHECK_ONLY
enum { ALL = 0, DEPTH_MAX = 64 };
#else
enum { ALL = 1, DEPTH_MAX = AG_JSON_DEPTH_MAX };
#endif

void ag_json_scan_init(struct ag_json_scan *s, unsigned max_depth)
{
    /* Runs once a text, so it clears only what is read before it is written. */
    s->off = 0;
    s->kinds = 0;
    s->depth = 0;
    s->max_depth = (uint16_t) (max_depth - 1 < DEPTH_MAX ? max_depth : max_depth < 1 ? 1 : DEPTH_MAX);
    s->state = ST_START;
    s->member = AG_N_MEMBERS;
    s->view.twice = 0;
    for (int m = 0; m < AG_N_MEMBERS; m++)
        s->view.at[m].type = AG_JSON_NONE;
}

static inline __attribute__((always_inline)) enum ag_member member_of(const char *key, size_t len)
{
    switch (len) {
    case 2:
        return memcmp(key, "id", 2) == 0 ? AG_M_ID : AG_N_MEMBERS;
    case 3:
        return memcmp(key, "key", 3) == 0 ? AG_M_KEY : memcmp(key, "_to", 3) == 0 ? AG_M_TO : AG_N_MEMBERS;
    case 4:
        return memcmp(key, "mode", 4) == 0 ? AG_M_MODE : AG_N_MEMBERS;
    case 5:
        return memcmp(key, "error", 5) == 0 ? AG_M_ERROR : memcmp(key, "_from", 5) == 0 ? AG_M_FROM : AG_N_MEMBERS;
    case 6:
        return memcmp(key, "method", 6) == 0   ? AG_M_METHOD
               : memcmp(key, "params", 6) == 0 ? AG_M_PARAMS
               : memcmp(key, "result", 6) == 0 ? AG_M_RESULT
                                               : AG_N_MEMBERS;
    case 7:
        return memcmp(key, "address", 7) == 0 ? AG_M_ADDRESS : AG_N_MEMBERS;
    default:
        return AG_N_MEMBERS;
    }
}

/* The bytes of a top-level key are kept (up to 7) because a chunk may end inside it. */
static void key_add(struct ag_json_scan *s, char c)
{
    if (s->key_len < sizeof s->key)
        s->key[s->key_len++] = c;
    else
        s->key_len = KEY_TOO_LONG;
}

static void key_add_run(struct ag_json_scan *s, const char *p, size_t n)
{
    if (s->key_len + n <= sizeof s->key) {
        for (size_t i = 0; i < n; i++)
            s->key[s->key_len + i] = p[i];
        s->key_len = (uint8_t) (s->key_len + n);
    } else {
        s->key_len = KEY_TOO_LONG;
    }
}

static inline void value_begin(struct ag_json_scan *s, uint32_t off, enum ag_json_type type)
{
    struct ag_member_at *a;

    if (!ALL || s->depth != 1 || s->member == AG_N_MEMBERS)
        return;
    a = &s->view.at[s->member];
    if (a->type != AG_JSON_NONE) {
        s->view.twice |= (uint16_t) (1u << s->member);
        s->member = AG_N_MEMBERS;
        return;
    }
    a->key = s->str_at;
    a->value = off;
    a->type = (uint8_t) type;
    a->escaped = false;
}

static inline void value_end(struct ag_json_scan *s, uint32_t end)
{
    struct ag_member_at *a;

    if (!ALL || s->depth != 1 || s->member == AG_N_MEMBERS)
        return;
    a = &s->view.at[s->member];
    a->end = end;
    s->member = AG_N_MEMBERS;
}

/* A string or number that is there in one piece: value_begin() and value_end() in one step. */
static inline void value_whole(struct ag_json_scan *s, uint32_t off, uint32_t end, enum ag_json_type type)
{
    struct ag_member_at *a;

    if (!ALL || s->depth != 1 || s->member == AG_N_MEMBERS)
        return;
    a = &s->view.at[s->member];
    if (a->type != AG_JSON_NONE) {
        s->view.twice |= (uint16_t) (1u << s->member);
    } else {
        a->key = s->str_at;
        a->value = off;
        a->end = end;
        a->type = (uint8_t) type;
        a->escaped = false;
    }
    s->member = AG_N_MEMBERS;
}

/*
 * Which of the open containers are arrays: one bit each in kinds, the innermost one lowest. Beyond 64 of them the outer
 * ones are parked in s->parked, 64 at a time.
 */
static inline bool push(struct ag_json_scan *s, uint64_t *kinds, bool array)
{
    if (s->depth >= s->max_depth)
        return false;
    if (ALL && s->depth % 64 == 0 && s->depth > 0)
        s->parked[s->depth / 64 - 1] = *kinds;
    *kinds = *kinds << 1 | array;
    s->depth++;
    return true;
}

static inline void pop(struct ag_json_scan *s, uint64_t *kinds)
{
    s->depth--;
    *kinds >>= 1;
    if (ALL && s->depth % 64 == 0 && s->depth > 0)
        *kinds = s->parked[s->depth / 64 - 1];
}

/* First byte of a multi-byte character (RFC 3629 table): false when no character begins so. */
static bool utf8_begin(struct ag_json_scan *s, unsigned char c)
{
    s->utf8_low = 0x80;
    s->utf8_high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        s->utf8_left = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        s->utf8_left = 2;
        if (c == 0xe0)
            s->utf8_low = 0xa0;
        else if (c == 0xed)
            s->utf8_high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        s->utf8_left = 3;
        if (c == 0xf0)
            s->utf8_low = 0x90;
        else if (c == 0xf4)
            s->utf8_high = 0x8f;
    } else {
        return false;
    }
    return true;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char literals[][6] = {[AG_JSON_TRUE] = "true", [AG_JSON_FALSE] = "false", [AG_JSON_NULL] = "null"};

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A key that is written with escapes is compared in its decoded form; no name of ours has a non-ASCII letter. */
static void key_add_unit(struct ag_json_scan *s, uint16_t unit)
{
    if (unit < 0x80)
        key_add(s, (char) unit);
    else
        s->key_len = KEY_TOO_LONG;
}

/*
 * The inside of a token that is not plain, or not there in one piece: strings with escapes and multi-byte characters,
 * literals, numbers. Reads on until the token or the chunk ends. 0 or AG_JSON_E_*; at tells where it stopped. A function of
 * its own that works on copies, so that ag_json_scan() can keep all its variables in registers.
 */
struct place {
    size_t i;
    unsigned state;
};

static __attribute__((noinline)) int scan_token(struct ag_json_scan *s, const char *p, size_t n, struct place *at)
{
    const uint32_t base = s->off;
    unsigned state = at->state;
    size_t i = at->i;
    int error = AG_JSON_E_SYNTAX;

    while (i < n && state >= ST_STR) {
        char c = p[i];

        switch (state) {
        case ST_STR: {
            size_t run = ALL ? ag_plain_run(p + i, n - i) : ag_plain_run_bytes(p + i, 0, n - i);

            if (ALL && s->in_key && s->depth == 1)
                key_add_run(s, p + i, run);
            i += run;
            if (i == n)
                break;
            c = p[i];
            if (c == '"') {
                i++;
                if (s->in_key) {
                    if (ALL && s->depth == 1)
                        s->member = (uint8_t) member_of(s->key, s->key_len);
                    state = ST_COLON;
                } else {
                    value_end(s, base + (uint32_t) i);
                    state = ST_AFTER;
                }
            } else if (c == '\\') {
                if (ALL && !s->in_key && s->depth == 1 && s->member != AG_N_MEMBERS)
                    s->view.at[s->member].escaped = true;
                state = ST_ESC;
                i++;
            } else if ((unsigned char) c >= 0x80) {
                if (!utf8_begin(s, (unsigned char) c)) {
                    error = AG_JSON_E_UTF8;
                    goto bad;
                }
                if (ALL && s->in_key)
                    s->key_len = KEY_TOO_LONG;
                state = ST_UTF8;
                i++;
            } else {
                goto bad; /* a bare control byte */
            }
            break;
        }
        case ST_UTF8:
            if ((unsigned char) c < s->utf8_low || (unsigned char) c > s->utf8_high) {
                error = AG_JSON_E_UTF8;
                goto bad;
            }
            s->utf8_low = 0x80;
            s->utf8_high = 0xbf;
            if (--s->utf8_left == 0)
                state = ST_STR;
            i++;
            break;
        case ST_ESC:
            if (c == 'u') {
                s->lit_at = 0;
                s->u16 = 0;
                state = ST_HEX;
            } else if (ag_json_escaped(c)) {
                if (ALL && s->in_key)
                    key_add(s, ag_json_escaped(c));
                state = ST_STR;
            } else {
                goto bad;
            }
            i++;
            break;
        case ST_HEX: {
            int digit = hex_digit((unsigned char) c);

            if (digit < 0)
                goto bad;
            s->u16 = (uint16_t) (s->u16 << 4 | digit);
            if (++s->lit_at == 4) {
                if (ALL && s->in_key)
                    key_add_unit(s, s->u16);
                state = ST_STR;
            }
            i++;
            break;
        }
        case ST_LIT:
            if (c != literals[s->lit][s->lit_at])
                goto bad;
            i++;
            if (literals[s->lit][++s->lit_at] == '\0') {
                value_end(s, base + (uint32_t) i);
                state = ST_AFTER;
            }
            break;
        case ST_NUM_MINUS:
            if (!is_digit(c))
                goto bad;
            state = c == '0' ? ST_NUM_ZERO : ST_NUM_INT;
            i++;
            break;
        case ST_NUM_INT:
            i += ag_digit_run(p + i, n - i);
            if (i == n)
                break;
            c = p[i];
            /* fall through */
        case ST_NUM_ZERO:
            if (c == '.') {
                state = ST_NUM_DOT;
                i++;
            } else if (c == 'e' || c == 'E') {
                state = ST_NUM_E;
                i++;
            } else {
                value_end(s, base + (uint32_t) i);
                state = ST_AFTER;
            }
            break;
        case ST_NUM_DOT:
            if (!is_digit(c))
                goto bad;
            state = ST_NUM_FRAC;
            i++;
            break;
        case ST_NUM_FRAC:
            i += ag_digit_run(p + i, n - i);
            if (i == n)
                break;
            if (p[i] == 'e' || p[i] == 'E') {
                state = ST_NUM_E;
                i++;
            } else {
                value_end(s, base + (uint32_t) i);
                state = ST_AFTER;
            }
            break;
        case ST_NUM_E:
            if (c == '+' || c == '-')
                state = ST_NUM_ESIGN;
            else if (is_digit(c))
                state = ST_NUM_EXP;
            else
                goto bad;
            i++;
            break;
        case ST_NUM_ESIGN:
            if (!is_digit(c))
                goto bad;
            state = ST_NUM_EXP;
            i++;
            break;
        case ST_NUM_EXP:
            i += ag_digit_run(p + i, n - i);
            if (i == n)
                break;
            value_end(s, base + (uint32_t) i);
            state = ST_AFTER;
            break;
        }
    }
    at->i = i;
    at->state = state;
    return 0;

bad:
    at->i = i;
    return error;
}

int ag_json_scan(struct ag_json_scan *restrict s, const char *restrict p, size_t n, size_t *restrict used_out)
{
    const uint32_t base = s->off; /* of p[0]; texts are limited to far below 4 GiB */
    unsigned state = s->state;
    uint64_t kinds = s->kinds;
    size_t i = 0;
    int error = AG_JSON_E_SYNTAX;

#define OFF (base + (uint32_t) i)
    while (i < n) {
        char c = p[i];

        switch (state) {
        case ST_START:
            if (c != '{')
                goto bad;
            push(s, &kinds, false);
            state = ST_OBJ_FIRST;
            i++;
        key:
            if (i == n)
                break;
            c = p[i];
            /* fall through */
        case ST_OBJ_FIRST:
        case ST_OBJ_KEY:
            if (c == '"') {
                size_t run = ALL ? ag_plain_run(p + i + 1, n - i - 1) : 0, end = i + 1 + run;

                if (s->depth == 1)
                    s->str_at = OFF;
                if (ALL && end < n && p[end] == '"') { /* the usual case: the whole key is here, without escapes */
                    if (s->depth == 1)
                        s->member = (uint8_t) member_of(p + i + 1, run);
                    i = end + 1;
                    state = ST_COLON;
                    if (i < n && p[i] == ':') {
                        i++;
                        goto value;
                    }
                    break;
                }
                s->in_key = true;
                s->key_len = 0;
                state = ST_STR;
                i++;
                goto token;
            }
            if (c == '}' && state == ST_OBJ_FIRST)
                goto close;
            if (!is_space(c))
                goto bad;
            i++;
            break;
        case ST_COLON:
            if (c == ':')
                state = ST_VALUE;
            else if (!is_space(c))
                goto bad;
            i++;
            break;
        value:
            state = ST_VALUE;
            if (i == n)
                break;
            c = p[i];
            goto have_value;
        case ST_ARR_FIRST:
        array_first:
            if (c == ']')
                goto close;
            /* fall through */
        case ST_VALUE:
        have_value:
            if (c == '"') {
                size_t run = ALL ? ag_plain_run(p + i + 1, n - i - 1) : 0, end = i + 1 + run;

                if (ALL && end < n && p[end] == '"') {
                    value_whole(s, OFF, base + (uint32_t) end + 1, AG_JSON_STRING);
                    i = end + 1;
                    goto after;
                }
                value_begin(s, OFF, AG_JSON_STRING);
                s->in_key = false;
                state = ST_STR;
                i++;
                goto token;
            }
            switch (c) {
            case ' ':
            case '\n':
            case '\r':
            case '\t':
                i++;
                break;
            case '{':
            case '[':
                value_begin(s, OFF, c == '{' ? AG_JSON_OBJECT : AG_JSON_ARRAY);
                if (!push(s, &kinds, c == '[')) {
                    error = AG_JSON_E_DEPTH;
                    goto bad;
                }
                i++;
                if (c == '{') {
                    state = ST_OBJ_FIRST;
                    goto key;
                }
                state = ST_ARR_FIRST;
                if (i == n)
                    break;
                c = p[i];
                goto array_first;
            case 't':
            case 'f':
            case 'n':
                s->lit = (uint8_t) (c == 't' ? AG_JSON_TRUE : c == 'f' ? AG_JSON_FALSE : AG_JSON_NULL);
                s->lit_at = 1;
                value_begin(s, OFF, (enum ag_json_type) s->lit);
                state = ST_LIT;
                i++;
                break;
            default:
                if (c != '-' && !is_digit(c))
                    goto bad;
                if (ALL && c > '0') { /* a plain integer that ends here is the usual number */
                    size_t end = i + ag_digit_run(p + i, n - i);

                    if (end < n && (p[end] == ',' || p[end] == '}' || p[end] == ']')) {
                        value_whole(s, OFF, base + (uint32_t) end, AG_JSON_NUMBER);
                        i = end;
                        goto after;
                    }
                }
                value_begin(s, OFF, AG_JSON_NUMBER);
                state = c == '-' ? ST_NUM_MINUS : c == '0' ? ST_NUM_ZERO : ST_NUM_INT;
                i++;
                break;
            }
            break;
        after:
            state = ST_AFTER;
            if (i == n)
                break;
            c = p[i];
            /* fall through */
        case ST_AFTER:
            if (c == ',') {
                i++;
                if (kinds & 1)
                    goto value;
                state = ST_OBJ_KEY;
                goto key;
            }
            if (c == '}' || c == ']')
                goto close;
            if (!is_space(c))
                goto bad;
            i++;
            break;

        default:
        token : {
            struct place at = {i, state};
            int r = scan_token(s, p, n, &at);

            i = at.i;
            state = at.state;
            if (r != 0) {
                error = r;
                goto bad;
            }
            break;
        }

        close:
            if ((c == ']') != (kinds & 1))
                goto bad;
            pop(s, &kinds);
            i++;
            if (s->depth == 0) {
                s->off = OFF;
                s->state = ST_START;
                *used_out = i;
                return -1;
            }
            value_end(s, OFF);
            goto after;
        }
    }
#undef OFF
    s->off = base + (uint32_t) n;
    s->state = (uint8_t) state;
    s->kinds = kinds;
    *used_out = n;
    return 0;

bad:
    *used_out = i;
    return error;
}

int ag_json_parse(struct ag_span *text, unsigned max_depth, struct ag_json_view *view_out)
{
    size_t lead = ag_json_skip(text->p, text->len), used;
    struct ag_json_scan s;
    int r;

    ag_json_scan_init(&s, max_depth);
    r = ag_json_scan(&s, text->p + lead, text->len - lead, &used);
    if (r >= 0)
        return r > 0 ? r : AG_JSON_E_SYNTAX;
    if (used + lead + ag_json_skip(text->p + lead + used, text->len - lead - used) != text->len)
        return AG_JSON_E_SYNTAX;
    text->p += lead;
    text->len = used;
    *view_out = s.view;
    return 0;
}
