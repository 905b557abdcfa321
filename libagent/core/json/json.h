/* SPDX-License-Identifier: MIT */
/*
 * Incremental scanner for JSON texts that come back to back on a stream. It finds where a text ends, checks
 * the whole grammar of RFC 8259 and UTF-8, and notes where the top-level members that routing needs stand.
 * A text may be cut anywhere; no byte is looked at twice; the result does not depend on the cuts.
 *
 * Only an object is a text here. White space (and NUL) before a text is skipped by ag_json_skip().
 */
#ifndef AG_JSON_H
#define AG_JSON_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum { AG_JSON_DEPTH_MAX = 1024 }; /* the largest depth limit that can be asked for */

/* Top-level members whose place is noted. */
enum ag_member {
    AG_M_METHOD,
    AG_M_ID,
    AG_M_PARAMS,
    AG_M_RESULT,
    AG_M_ERROR,
    AG_M_TO,      /* "_to" */
    AG_M_FROM,    /* "_from" */
    AG_M_KEY,     /* "key" */
    AG_M_ADDRESS, /* "address" */
    AG_M_MODE,    /* "mode" */
    AG_N_MEMBERS
};

enum ag_json_type {
    AG_JSON_NONE, /* the member is absent */
    AG_JSON_STRING,
    AG_JSON_NUMBER,
    AG_JSON_TRUE,
    AG_JSON_FALSE,
    AG_JSON_NULL,
    AG_JSON_OBJECT,
    AG_JSON_ARRAY
};

/* Offsets count from the first byte ('{') of the text. A string's span includes its quotes. With AG_JSON_NONE the
   other fields mean nothing. */
struct ag_member_at {
    uint32_t key;   /* offset of the key's opening quote */
    uint32_t value; /* offset of the value's first byte */
    uint32_t end;   /* offset behind the value's last byte */
    uint8_t type;   /* enum ag_json_type */
    bool escaped;   /* a string with at least one backslash */
};

struct ag_json_view {
    struct ag_member_at at[AG_N_MEMBERS];
    uint16_t twice; /* bit per enum ag_member: is given more than once; the first one is noted */
};

/* Named conditions of the scanner. */
enum {
    AG_JSON_E_SYNTAX = 1, /* not RFC 8259 */
    AG_JSON_E_UTF8,       /* a string that is not well-formed UTF-8 */
    AG_JSON_E_DEPTH       /* nested deeper than allowed */
};

/* The fields are the scanner's own. */
struct ag_json_scan {
    uint32_t off; /* bytes of this text seen so far */
    uint16_t depth, max_depth;
    uint8_t state;
    uint8_t lit_at;              /* position inside true, false, null or behind \u */
    uint8_t lit;                 /* enum ag_json_type of the literal under way */
    uint8_t utf8_left;           /* continuation bytes still wanted */
    uint8_t utf8_low, utf8_high; /* bounds of the next one */
    bool in_key;                 /* the string under way is a member name */
    uint8_t member;              /* top-level member whose value comes; AG_N_MEMBERS: not one of ours */
    uint8_t key_len;             /* decoded bytes of the top-level key under way; KEY_TOO_LONG beyond key[] */
    uint16_t u16;                /* code unit under way behind \u */
    uint32_t str_at;             /* offset of the opening quote of the string under way */
    char key[8];
    struct ag_json_view view;
    uint64_t kinds; /* bit per open container, the innermost lowest: an array */
    uint64_t parked[AG_JSON_DEPTH_MAX / 64];
};

/* Ready for a new text. max_depth 1..AG_JSON_DEPTH_MAX. */
void ag_json_scan_init(struct ag_json_scan *s, unsigned max_depth);

/*
 * Reads on. 0: the text goes on behind these n bytes (all were used). -1: the text is complete; *used_out is the
 * number of these bytes that belong to it, s->view is valid, s->off is the text's length. Positive: AG_JSON_E_*,
 * *used_out is the offset of the offending byte. After -1 or an error call ag_json_scan_init().
 */
int ag_json_scan(struct ag_json_scan *restrict s, const char *restrict p, size_t n, size_t *restrict used_out);

/* How many of these bytes are white space or NUL between texts. */
static inline size_t ag_json_skip(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char) p[i] <= ' ' && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t' || p[i] == '\0'))
        i++;
    return i;
}

/*
 * Scans a text that is there in one piece, white space around it allowed. 0, AG_JSON_E_*; view offsets count
 * from text->p, which is moved to the '{', as text->len is to the length.
 */
int ag_json_parse(struct ag_span *text, unsigned max_depth, struct ag_json_view *view_out);

/* ---- reading the members of a scanned text ---- */

static inline bool ag_view_has(const struct ag_json_view *v, enum ag_member m)
{
    return v->at[m].type != AG_JSON_NONE;
}

/* The bytes of a value; a string with its quotes. {NULL, 0} when absent. */
static inline struct ag_span ag_view_raw(const struct ag_json_view *v, const char *text, enum ag_member m)
{
    const struct ag_member_at *a = &v->at[m];

    return a->type == AG_JSON_NONE ? (struct ag_span){NULL, 0} : (struct ag_span){text + a->value, a->end - a->value};
}

/*
 * The content of a string member: in place when it has no escape, else decoded into tmp (at most n bytes).
 * false: absent, not a string, decoded form too long for tmp, or a lone surrogate.
 */
bool ag_view_str(const struct ag_json_view *v, const char *text, enum ag_member m, char *tmp, size_t n, struct ag_span *out);

/* A number member that is a plain unsigned integer of at most max. */
bool ag_view_uint(const struct ag_json_view *v, const char *text, enum ag_member m, uint64_t max, uint64_t *out);

/* The same for any raw number text: digits only, no sign, no leading zero. */
bool ag_span_uint(struct ag_span raw, uint64_t max, uint64_t *out);

/*
 * Decodes a JSON string (with its quotes) into UTF-8. Returns the decoded length, or -1 when it is longer than n
 * or holds a lone surrogate. The string must have passed the scanner. out NULL: only the length is wanted.
 */
long ag_json_unescape(struct ag_span raw, char *out, size_t n);

/* What a backslash and c stand for; NUL: nothing, or c is the u before four digits. */
char ag_json_escaped(char c);

#endif
