/* SPDX-License-Identifier: MIT */
#include "libagent/core/frame/json_pass.h"

#include <string.h>
#include "libagent/core/util.h"

enum { START, NESTED, STRING, NUMBER, WORD };

static const char *const words[] = {"true", "false", "null"};

void ag_json_pass_init(struct ag_json_pass *s)
{
    *s = (struct ag_json_pass){.state = START};
}

/* What kind of value begins here. */
static bool begin(struct ag_json_pass *s, char c)
{
    s->state = c == '{' || c == '[' ? NESTED : c == '"' ? STRING : WORD;
    if (s->state != WORD)
        return true;
    if (c == '-' || (c >= '0' && c <= '9')) {
        s->state = NUMBER;
        return true;
    }
    s->at = 0;
    for (s->word = 0; s->word < ag_array_size(words); s->word++)
        if (words[s->word][0] == c)
            return true;
    return false;
}

/* True at the closing quote. */
static bool string_step(struct ag_json_pass *s, char c)
{
    if (s->escaped || c == '\\') {
        s->escaped = !s->escaped;
        return false;
    }
    return c == '"';
}

/* A string inside brackets: state STRING with a depth. True when the value has ended. */
static bool nested_step(struct ag_json_pass *s, char c)
{
    if (c == '"')
        s->state = STRING;
    else if (c == '{' || c == '[')
        s->depth++;
    else if (c == '}' || c == ']')
        return --s->depth == 0;
    return false;
}

/* 0 more, 1 the value ends with this byte, 2 it has ended before it, -1 no value. */
static int step(struct ag_json_pass *s, char c, bool first)
{
    switch (s->state) {
    case NESTED:
        return nested_step(s, c);
    case STRING:
        if ((first && s->depth == 0) || !string_step(s, c))
            return 0;
        s->state = NESTED;
        return s->depth == 0;
    case NUMBER:
        return c && strchr("0123456789+-.eE", c) ? 0 : 2;
    default:
        if (c != words[s->word][s->at])
            return -1;
        return words[s->word][++s->at] == '\0';
    }
}

int ag_json_pass(struct ag_json_pass *s, const char *p, size_t n, size_t *used_out)
{
    for (size_t i = 0; i < n; i++) {
        bool first = s->state == START;
        int r = first && !begin(s, p[i]) ? -1 : step(s, p[i], first);

        if (r != 0) {
            *used_out = r == 1 ? i + 1 : i;
            return r > 0 ? 1 : -1;
        }
    }
    *used_out = n;
    return 0;
}
