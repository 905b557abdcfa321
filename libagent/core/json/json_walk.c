#include "libagent/core/json/json_walk.h"

#include <string.h>

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

/* p stands at a quote; returns the place behind the closing one. */
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
    while (p < end && !strchr(" \t\r\n,]}", *p))
        p++;
    return p;
}

static enum ag_json_type type_of(char c)
{
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

struct ag_json_value ag_json_value_at(const char *p, const char *end)
{
    struct ag_json_value v = {AG_JSON_NONE, {NULL, 0}};
    const char *stop;

    if (!p || p >= end)
        return v;
    v.type = type_of(*p);
    if (v.type == AG_JSON_STRING)
        stop = skip_string(p, end);
    else if (v.type == AG_JSON_OBJECT || v.type == AG_JSON_ARRAY)
        stop = skip_nested(p, end);
    else
        stop = skip_plain(p, end);
    v.raw = (struct ag_span){p, (size_t) (stop - p)};
    return v;
}

void ag_json_walk_begin(struct ag_json_walk *w, struct ag_json_value container)
{
    w->p = container.raw.p + 1;
    w->end = container.raw.p + container.raw.len - 1; /* the closing bracket is outside */
    w->object = container.type == AG_JSON_OBJECT;
}

bool ag_json_walk_next(struct ag_json_walk *w, struct ag_span *key_out, struct ag_json_value *value_out)
{
    *key_out = (struct ag_span){NULL, 0};
    w->p = skip_space(w->p, w->end);
    if (w->p < w->end && *w->p == ',')
        w->p = skip_space(w->p + 1, w->end);
    if (w->p >= w->end)
        return false;
    if (w->object) {
        const char *stop = skip_string(w->p, w->end);

        *key_out = (struct ag_span){w->p, (size_t) (stop - w->p)};
        w->p = skip_space(stop, w->end);
        w->p = skip_space(w->p + 1, w->end); /* behind the colon */
    }
    *value_out = ag_json_value_at(w->p, w->end);
    if (value_out->type == AG_JSON_NONE)
        return false;
    w->p = value_out->raw.p + value_out->raw.len;
    return true;
}

bool ag_json_key_is(struct ag_span key, const char *name)
{
    size_t want = strlen(name);
    char tmp[64];
    long len;

    if (!memchr(key.p, '\\', key.len))
        return ag_span_is((struct ag_span){key.p + 1, key.len - 2}, name, want);
    len = ag_json_unescape(key, tmp, sizeof tmp);
    return len >= 0 && ag_span_is((struct ag_span){tmp, (size_t) len}, name, want);
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
