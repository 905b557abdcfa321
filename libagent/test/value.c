/* SPDX-License-Identifier: MIT */
#include "libagent/test/value.h"

#include <errno.h>
#include "libagent/core/buf.h"
#include "libagent/core/text/double.h"

static bool same_bytes(struct ag_span a, struct ag_span b)
{
    return ag_span_is(a, b.p, b.len);
}

static int same_string(struct ag_span a, struct ag_span b)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf room = AG_BUF_INIT;
    long n, m;

    if (same_bytes(a, b))
        return 1;
    if (!memchr(a.p, '\\', a.len) && !memchr(b.p, '\\', b.len))
        return 0;
    if (ag_buf_reserve(&room, a.len + b.len) < 0)
        return -ENOMEM;
    n = ag_json_unescape(a, room.data, a.len);
    m = ag_json_unescape(b, room.data + a.len, b.len);
    return n >= 0 && n == m && memcmp(room.data, room.data + a.len, (size_t) n) == 0;
}

static bool is_whole(struct ag_span number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.p[i] == '.' || number.p[i] == 'e' || number.p[i] == 'E')
            return false;
    }
    return true;
}

static int same_number(struct ag_span a, struct ag_span b)
{
    double x, y;

    if (is_whole(a) && is_whole(b))
        return same_bytes(a, b);
    if (ag_double_read(a, &x) < 0 || ag_double_read(b, &y) < 0)
        return -ENOMEM;
    return !(x < y || x > y);
}

static int same_array(struct ag_json_value a, struct ag_json_value b)
{
    struct ag_json_value x, y;
    struct ag_json_walk in_a, in_b;
    struct ag_span none;
    int r = 1;

    ag_json_walk_begin(&in_a, a);
    ag_json_walk_begin(&in_b, b);
    while (r == 1 && ag_json_walk_next(&in_a, &none, &x)) {
        if (!ag_json_walk_next(&in_b, &none, &y))
            return 0;
        r = ag_test_same(x, y);
    }
    return r == 1 ? !ag_json_walk_next(&in_b, &none, &y) : r;
}

/* Is there a member of that name and value? */
static int has_member(struct ag_json_value object, struct ag_span key, struct ag_json_value value)
{
    struct ag_json_walk in;
    struct ag_json_value v;
    struct ag_span k;
    int r = 0;

    ag_json_walk_begin(&in, object);
    while (r == 0 && ag_json_walk_next(&in, &k, &v)) {
        r = same_string(k, key);
        if (r == 1)
            r = ag_test_same(v, value);
    }
    return r;
}

static int same_object(struct ag_json_value a, struct ag_json_value b)
{
    struct ag_json_walk in;
    struct ag_json_value v;
    struct ag_span key;
    int r = ag_json_count(a) == ag_json_count(b);

    ag_json_walk_begin(&in, a);
    while (r == 1 && ag_json_walk_next(&in, &key, &v))
        r = has_member(b, key, v);
    return r;
}

int ag_test_same(struct ag_json_value a, struct ag_json_value b)
{
    if (a.type != b.type)
        return 0;
    switch (a.type) {
    case AG_JSON_STRING:
        return same_string(a.raw, b.raw);
    case AG_JSON_NUMBER:
        return same_number(a.raw, b.raw);
    case AG_JSON_ARRAY:
        return same_array(a, b);
    case AG_JSON_OBJECT:
        return same_object(a, b);
    default:
        return 1;
    }
}

/* {"result":VALUE}: one value, and nothing behind it? */
static int check(const char *text, size_t n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf whole = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span span;
    int r = ag_buf_append_str(&whole, "{\"result\":");

    if (r == 0)
        r = ag_buf_append(&whole, text, n);
    if (r == 0)
        r = ag_buf_append_char(&whole, '}');
    if (r < 0)
        return r;
    span = ag_buf_span(&whole);
    if (ag_json_parse(&span, AG_JSON_DEPTH_MAX, &view) != 0 || view.at[AG_M_RESULT].end != span.len - 1)
        return -EINVAL;
    return 0;
}

int ag_test_value(const char *text, struct ag_json_value *out)
{
    size_t n = strlen(text);
    int r;

    while (n > 0 && ag_json_skip(text, 1) == 1) {
        text++;
        n--;
    }
    while (n > 0 && ag_json_skip(text + n - 1, 1) == 1)
        n--;
    r = check(text, n);
    if (r == 0)
        *out = ag_json_value_at(text, text + n);
    return r;
}
