/* SPDX-License-Identifier: MIT */
#include "libagent/core/json/json_walk.h"

#include <string.h>

static inline bool is_space(char c)
{
    return (unsigned char) c <= ' ';
}

/* p is at a quote; returns the place behind the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : end;
}

static const char *skip_nested(const char *p, const char *end)
{
    size_t depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if ((*p == '}' || *p == ']') && --depth == 0)
            return p + 1;
        p++;
    }
    return end;
}

static const char *skip_plain(const char *p, const char *end)
{
    while (p < end && (unsigned char) *p > ' ' && *p != ',' && *p != ']' && *p != '}')
        p++;
    return p;
}

static enum ag_json_type type_of(char c)
{
    if (c <= '9' && c != '"')
        return AG_JSON_NUMBER;
    switch (c) {
    case '"':
        return AG_JSON_STRING;
    case '{':
        return AG_JSON_OBJECT;
    case '[':
        return AG_JSON_ARRAY;
    case 't':
        return AG_JSON_TRUE;
    case 'f':
        return AG_JSON_FALSE;
    case 'n':
        return AG_JSON_NULL;
    default:
        return AG_JSON_NUMBER;
    }
}

struct ag_json_value ag_json_value_whole(struct ag_span raw)
{
    return (struct ag_json_value){raw.len > 0 ? type_of(*raw.p) : AG_JSON_NONE, raw};
}

static void value_at(const char *p, const char *end, struct ag_json_value *out)
{
    const char *stop;

    out->type = type_of(*p);
    if (out->type == AG_JSON_STRING)
        stop = skip_string(p, end);
    else if (out->type == AG_JSON_OBJECT || out->type == AG_JSON_ARRAY)
        stop = skip_nested(p, end);
    else
        stop = skip_plain(p, end);
    out->raw = (struct ag_span){p, (size_t) (stop - p)};
}

struct ag_json_value ag_json_value_at(const char *p, const char *end)
{
    struct ag_json_value v = {AG_JSON_NONE, {NULL, 0}};

    if (p && p < end)
        value_at(p, end, &v);
    return v;
}

void ag_json_walk_begin(struct ag_json_walk *w, struct ag_json_value container)
{
    w->p = container.raw.p + 1;
    w->end = container.raw.p + container.raw.len - 1; /* the closing bracket is outside */
    w->object = container.type == AG_JSON_OBJECT;
}

/* To the next element. A closing bracket can only be the container's own. */
static bool seek(struct ag_json_walk *w)
{
    const char *p = w->p, *end = w->end;

    while (p < end && (is_space(*p) || *p == ','))
        p++;
    w->p = p;
    return p < end && *p != '}' && *p != ']';
}

bool ag_json_walk_enter(struct ag_json_walk *w, struct ag_json_walk *inner)
{
    if (w->object || !seek(w) || *w->p != '{')
        return false;
    *inner = (struct ag_json_walk){w->p + 1, w->end, true};
    return true;
}

void ag_json_walk_leave(struct ag_json_walk *w, const struct ag_json_walk *inner)
{
    w->p = inner->p + 1;
}

bool ag_json_walk_next(struct ag_json_walk *w, struct ag_span *key_out, struct ag_json_value *value_out)
{
    *key_out = (struct ag_span){NULL, 0};
    if (!seek(w))
        return false;
    if (w->object) {
        const char *stop = skip_string(w->p, w->end);

        *key_out = (struct ag_span){w->p, (size_t) (stop - w->p)};
        while (stop < w->end && (is_space(*stop) || *stop == ':'))
            stop++;
        w->p = stop;
    }
    if (w->p >= w->end)
        return false;
    value_at(w->p, w->end, value_out);
    w->p = value_out->raw.p + value_out->raw.len;
    return true;
}

/* By hand: keys are short, and most are different ones. */
bool ag_json_key_is(struct ag_span key, const char *name)
{
    const char *raw = key.p + 1;
    size_t n = key.len - 2, i = 0;
    char tmp[64];
    long len;

    while (i < n && raw[i] == name[i] && raw[i] != '\\')
        i++;
    if (i == n || raw[i] != '\\')
        return i == n && name[i] == '\0';
    len = ag_json_unescape(key, tmp, sizeof tmp);
    return len >= 0 && ag_span_is((struct ag_span){tmp, (size_t) len}, name, strlen(name));
}

struct ag_json_value ag_json_member(struct ag_json_value object, const char *name)
{
    struct ag_json_walk w;
    struct ag_json_value v;
    struct ag_span key;

    ag_json_walk_begin(&w, object);
    while (ag_json_walk_next(&w, &key, &v))
        if (ag_json_key_is(key, name))
            return v;
    return (struct ag_json_value){AG_JSON_NONE, {NULL, 0}};
}

size_t ag_json_count(struct ag_json_value container)
{
    struct ag_json_walk w;
    struct ag_json_value v;
    struct ag_span key;
    size_t n = 0;

    for (ag_json_walk_begin(&w, container); ag_json_walk_next(&w, &key, &v);)
        n++;
    return n;
}
