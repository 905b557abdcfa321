/* SPDX-License-Identifier: MIT */
#include "libagent/core/json/json_iter.h"

#include <errno.h>
#include <string.h>

/* Also for a value that is not there, {NULL, 0}: C knows no NULL + 0. */
static const char *end_of(struct ag_span value)
{
    return value.p ? value.p + value.len : NULL;
}

enum ag_json_type ag_json_type(struct ag_span value)
{
    return ag_json_value_whole(value).type;
}

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* The scanner takes objects; anything else is checked as the one member of an object. */
int ag_json_check(struct ag_span *value, unsigned max_depth)
{
    struct ag_span v = *value;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span text;
    int r;

    v.p = skip_blank(v.p, end_of(v));
    v.len = v.p ? value->len - (size_t) (v.p - value->p) : 0;
    while (v.len > 0 && skip_blank(v.p + v.len - 1, v.p + v.len) == v.p + v.len)
        v.len--;
    if (v.len > 0 && v.p[0] == '{') {
        text = v;
        r = ag_json_parse(&text, max_depth, &view);
    } else {
        if (ag_buf_append_str(&b, "{\"v\":") < 0 || ag_buf_append_span(&b, v) < 0 || ag_buf_append_char(&b, '}') < 0)
            return -ENOMEM;
        text = ag_buf_span(&b);
        r = ag_json_parse(&text, max_depth + 1, &view);
        if (r == 0 && ag_json_value_at(v.p, end_of(v)).raw.len != v.len)
            r = AG_JSON_E_SYNTAX; /* 1,"x":2 would pass as members */
    }
    if (r == 0)
        *value = v;
    return r;
}

struct ag_json_iter ag_json_iter_begin(struct ag_span container)
{
    struct ag_json_value v = ag_json_value_whole(container);
    struct ag_json_iter it = {{NULL, NULL, false}};

    if (v.type == AG_JSON_OBJECT || v.type == AG_JSON_ARRAY)
        ag_json_walk_begin(&it.walk, v);
    return it;
}

bool ag_json_iter_item(struct ag_json_iter *it, struct ag_span *value)
{
    struct ag_json_value v;
    struct ag_span key;

    if (!it->walk.p || !ag_json_walk_next(&it->walk, &key, &v))
        return false;
    *value = v.raw;
    return true;
}

bool ag_json_iter_member(struct ag_json_iter *it, struct ag_span *name, struct ag_span *value)
{
    struct ag_json_value v;

    if (!it->walk.object || !ag_json_walk_next(&it->walk, name, &v))
        return false;
    *value = v.raw;
    return true;
}

struct ag_span ag_json_get(struct ag_span object, const char *name)
{
    if (ag_json_type(object) != AG_JSON_OBJECT)
        return (struct ag_span){NULL, 0};
    return ag_json_member((struct ag_json_value){AG_JSON_OBJECT, object}, name).raw;
}

int ag_json_append_text(struct ag_buf *out, struct ag_span string)
{
    long n;
    int r;

    if (ag_json_type(string) != AG_JSON_STRING)
        return -EINVAL;
    r = ag_buf_reserve(out, string.len);
    if (r < 0)
        return r;
    n = ag_json_unescape(string, out->data + out->len, string.len);
    if (n < 0)
        return -EINVAL;
    out->len += (size_t) n;
    return 0;
}

int ag_json_append_compact(struct ag_buf *out, struct ag_span value)
{
    const char *p = value.p, *end = end_of(value);
    int r = ag_buf_reserve(out, value.len);

    while (r == 0 && p < end) {
        const char *start = p = skip_blank(p, end);

        if (p < end && *p == '"')
            p += ag_json_value_at(p, end).raw.len;
        else if (p < end)
            p++;
        r = ag_buf_append(out, start, (size_t) (p - start));
    }
    return r;
}
