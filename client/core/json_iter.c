#include "client/core/json_iter.h"

#include <errno.h>
#include <string.h>

enum ag_json_type json_type(struct ag_span value)
{
    if (value.len == 0)
        return AG_JSON_NONE;
    switch (value.p[0]) {
    case '{':
        return AG_JSON_OBJECT;
    case '[':
        return AG_JSON_ARRAY;
    case '"':
        return AG_JSON_STRING;
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

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* p stands at the opening quote; the result behind the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\')
            p++;
    }
    return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;

    do {
        if (p < end && *p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (depth == 0 && *p != '{' && *p != '[') {
            while (p < end && !strchr(",]} \t\r\n", *p))
                p++;
            return p;
        }
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
    } while (p < end && depth > 0);
    return p;
}

/* The scanner takes objects; anything else is checked as the one member of an object. */
int json_check(struct ag_span *value, unsigned max_depth)
{
    struct ag_span v = *value;
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span text;
    int r;

    v.p = skip_blank(v.p, v.p + v.len);
    v.len = value->len - (size_t) (v.p - value->p);
    while (v.len > 0 && skip_blank(v.p + v.len - 1, v.p + v.len) == v.p + v.len)
        v.len--;
    if (v.len > 0 && v.p[0] == '{') {
        text = v;
        r = ag_json_parse(&text, max_depth, &view);
    } else {
        if (ag_buf_append_str(&b, "{\"v\":") < 0 || ag_buf_append_span(&b, v) < 0 ||
            ag_buf_append_char(&b, '}') < 0)
            return -ENOMEM;
        text = ag_buf_span(&b);
        r = ag_json_parse(&text, max_depth + 1, &view);
        if (r == 0 && skip_value(v.p, v.p + v.len) != v.p + v.len)
            r = AG_JSON_E_SYNTAX; /* 1,"x":2 would pass as members */
    }
    if (r == 0)
        *value = v;
    return r;
}

struct json_iter json_iter_begin(struct ag_span container)
{
    enum ag_json_type t = json_type(container);

    if (t != AG_JSON_OBJECT && t != AG_JSON_ARRAY)
        return (struct json_iter){NULL, NULL};
    return (struct json_iter){container.p + 1, container.p + container.len - 1};
}

bool json_iter_item(struct json_iter *it, struct ag_span *value)
{
    const char *start;

    if (!it->p)
        return false;
    start = skip_blank(it->p, it->end);
    if (start < it->end && *start == ',')
        start = skip_blank(start + 1, it->end);
    if (start >= it->end)
        return false;
    it->p = skip_value(start, it->end);
    *value = (struct ag_span){start, (size_t) (it->p - start)};
    return true;
}

bool json_iter_member(struct json_iter *it, struct ag_span *name, struct ag_span *value)
{
    struct ag_span key;
    const char *p;

    if (!json_iter_item(it, &key))
        return false;
    p = skip_blank(it->p, it->end);
    if (p >= it->end || *p != ':')
        return false;
    p = skip_blank(p + 1, it->end);
    it->p = skip_value(p, it->end);
    *name = key;
    *value = (struct ag_span){p, (size_t) (it->p - p)};
    return true;
}

struct ag_span json_get(struct ag_span object, const char *name)
{
    struct json_iter it = json_iter_begin(object);
    size_t len = strlen(name);
    struct ag_span key, value;

    if (json_type(object) != AG_JSON_OBJECT)
        return (struct ag_span){NULL, 0};
    while (json_iter_member(&it, &key, &value)) {
        if (key.len == len + 2 && memcmp(key.p + 1, name, len) == 0)
            return value;
    }
    return (struct ag_span){NULL, 0};
}

int json_append_text(struct ag_buf *out, struct ag_span string)
{
    long n;
    int r;

    if (json_type(string) != AG_JSON_STRING)
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

int json_append_compact(struct ag_buf *out, struct ag_span value)
{
    const char *p = value.p, *end = value.p + value.len;
    int r = ag_buf_reserve(out, value.len);

    while (r == 0 && p < end) {
        const char *start = p = skip_blank(p, end);

        if (p < end && *p == '"')
            p = skip_string(p, end);
        else if (p < end)
            p++;
        r = ag_buf_append(out, start, (size_t) (p - start));
    }
    return r;
}
