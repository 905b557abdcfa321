/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/prop_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"

enum { DEPTH_MAX = 128 };

struct prop_state_entry {
    char *name; /* a JSON string with its quotes; owns value too */
    size_t name_len, value_len;
    char *value;
};

void prop_state_deinit(struct prop_state *s)
{
    for (unsigned i = 0; i < s->n; i++)
        free(s->entries[i].name);
    free(s->entries);
    *s = (struct prop_state){0};
}

static struct prop_state_entry *find(const struct prop_state *s, struct ag_span name)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (ag_span_is(name, s->entries[i].name, s->entries[i].name_len))
            return &s->entries[i];
    }
    return NULL;
}

static int set(struct prop_state *s, struct ag_span name, struct ag_span value)
{
    struct prop_state_entry *e = find(s, name), fresh = {NULL, name.len, value.len, NULL};
    size_t was = e ? e->value_len : 0;

    if (e && e->value_len == value.len && memcmp(e->value, value.p, value.len) == 0)
        return 0;
    if ((!e && s->n >= PROP_STATE_NAMES_MAX) || s->bytes - was + value.len + (e ? 0 : name.len) > PROP_STATE_BYTES_MAX)
        return -ENOBUFS;
    if (!e && AG_GROW(s->entries, s->cap, s->n + 1) < 0)
        return -ENOMEM;
    fresh.name = malloc(name.len + value.len + 1);
    if (!fresh.name)
        return -ENOMEM;
    fresh.value = fresh.name + name.len;
    memcpy(fresh.name, name.p, name.len);
    memcpy(fresh.value, value.p, value.len);
    s->bytes += value.len - was + (e ? 0 : name.len);
    if (e)
        free(e->name);
    else
        e = &s->entries[s->n++];
    *e = fresh;
    return 1;
}

static int take_object(struct prop_state *s, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span name, value;
    int changed = 0, r = 0;

    if (ag_json_type(params) != AG_JSON_OBJECT)
        return 0;
    while (r >= 0 && ag_json_iter_member(&it, &name, &value)) {
        r = set(s, name, value);
        changed |= r == 1;
    }
    return r < 0 ? r : changed;
}

static int take_properties(struct prop_state *s, struct ag_span params)
{
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span item;
    int changed = 0, r = 0;

    if (ag_json_type(params) != AG_JSON_ARRAY)
        return 0;
    while (r >= 0 && ag_json_iter_item(&it, &item)) {
        ag_cleanup(ag_buf_deinit) struct ag_buf name = AG_BUF_INIT;
        struct ag_span siid = ag_json_get(item, "siid"), piid = ag_json_get(item, "piid"), value = ag_json_get(item, "value");
        uint64_t s_number, p_number;

        if (!siid.p || !piid.p || !value.p || !ag_span_uint(siid, UINT32_MAX, &s_number) ||
            !ag_span_uint(piid, UINT32_MAX, &p_number))
            continue;
        r = ag_buf_printf(&name, "\"%llu.%llu\"", (unsigned long long) s_number, (unsigned long long) p_number);
        if (r == 0)
            r = set(s, ag_buf_span(&name), value);
        changed |= r == 1;
    }
    return r < 0 ? r : changed;
}

/* "prop.NAME" with its quotes; params [value] or the value itself. The last of several values counts. */
static int take_one(struct prop_state *s, struct ag_span method, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf name = AG_BUF_INIT;
    struct ag_json_iter it = ag_json_iter_begin(params);
    struct ag_span item, value = params;

    if (ag_json_type(params) == AG_JSON_ARRAY) {
        value.p = NULL;
        while (ag_json_iter_item(&it, &item))
            value = item;
    }
    if (!value.p || ag_buf_printf(&name, "\"%.*s", (int) (method.len - 6), method.p + 6) < 0)
        return 0;
    return set(s, ag_buf_span(&name), value);
}

int prop_state_take(struct prop_state *s, struct ag_span report)
{
    return prop_state_take_parts(s, ag_json_get(report, "method"), ag_json_get(report, "params"));
}

int prop_state_take_parts(struct prop_state *s, struct ag_span method, struct ag_span params)
{
    if (!method.p || !params.p)
        return 0;
    if (ag_span_eq(method, "\"props\""))
        return take_object(s, params);
    if (ag_span_eq(method, "\"properties_changed\""))
        return take_properties(s, params);
    if (method.len > 7 && memcmp(method.p, "\"prop.", 6) == 0)
        return take_one(s, method, params);
    return 0;
}

int prop_state_restore(struct prop_state *s, struct ag_span object)
{
    struct ag_json_view view;
    struct ag_json_iter it;
    struct ag_span name, value;
    int changed = 0, r = 0;

    if (ag_json_parse(&object, DEPTH_MAX, &view) != 0)
        return 0;
    it = ag_json_iter_begin(object);
    while (r >= 0 && ag_json_iter_member(&it, &name, &value)) {
        r = find(s, name) ? 0 : set(s, name, value);
        changed |= r == 1;
    }
    return r < 0 ? r : changed;
}

struct ag_span prop_state_get(const struct prop_state *s, const char *name)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < s->n; i++) {
        const struct prop_state_entry *e = &s->entries[i];

        if (e->name_len == len + 2 && memcmp(e->name + 1, name, len) == 0)
            return (struct ag_span){e->value, e->value_len};
    }
    return (struct ag_span){NULL, 0};
}

int prop_state_print(const struct prop_state *s, struct ag_buf *out)
{
    int r = ag_buf_append_char(out, '{');

    for (unsigned i = 0; r == 0 && i < s->n; i++) {
        const struct prop_state_entry *e = &s->entries[i];

        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = ag_buf_append(out, e->name, e->name_len);
        if (r == 0)
            r = ag_buf_append_char(out, ':');
        if (r == 0)
            r = ag_buf_append(out, e->value, e->value_len);
    }
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}
