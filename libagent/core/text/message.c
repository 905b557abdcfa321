/* SPDX-License-Identifier: MIT */
#include "libagent/core/text/message.h"

#include <stdio.h>

int ag_msg_splice_value(struct ag_buf *out, struct ag_span text, const struct ag_member_at *at, struct ag_span value)
{
    size_t rest = text.len - at->end, n = at->value + value.len + rest;
    char *p;
    int r = ag_buf_reserve(out, n);

    if (r < 0)
        return r;
    p = out->data + out->len;
    memcpy(p, text.p, at->value);
    memcpy(p + at->value, value.p, value.len);
    memcpy(p + at->value + value.len, text.p + at->end, rest);
    out->len += n;
    return 0;
}

static struct ag_span decimal(char digits[20], uint64_t id)
{
    size_t at = 20;

    do
        digits[--at] = (char) ('0' + id % 10);
    while (id /= 10);
    return (struct ag_span){digits + at, 20 - at};
}

int ag_msg_splice_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *v, uint64_t id)
{
    char digits[20];
    struct ag_span raw = decimal(digits, id);

    return ag_msg_splice_value(out, text, &v->at[AG_M_ID], raw);
}

int ag_msg_put_raw_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, struct ag_span id)
{
    size_t before = out->len, at = 1;
    int r;

    if (ag_view_has(view, AG_M_ID))
        return ag_msg_splice_value(out, text, &view->at[AG_M_ID], id);
    r = ag_buf_append(out, "{\"id\":", 6);
    if (r == 0)
        r = ag_buf_append_span(out, id);
    while (at < text.len && strchr(" \t\r\n", text.p[at]))
        at++;
    if (r == 0 && text.p[at] != '}')
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = ag_buf_append(out, text.p + at, text.len - at);
    if (r < 0)
        out->len = before;
    return r;
}

int ag_msg_put_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, uint64_t id)
{
    char digits[20];
    struct ag_span raw = decimal(digits, id);

    return ag_msg_put_raw_id(out, text, view, raw);
}

/* Members behind the id are shifted by as much as the text has grown; without an id all of them are. */
int ag_msg_put_id_seen(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, uint64_t id,
                       struct ag_json_view *view_out)
{
    char digits[20];
    struct ag_span raw = decimal(digits, id);
    size_t before = ag_buf_size(out);
    int r = ag_msg_put_raw_id(out, text, view, raw);
    uint32_t from = ag_view_has(view, AG_M_ID) ? view->at[AG_M_ID].value : 0, key = from ? view->at[AG_M_ID].key : 1;
    uint32_t grown;

    if (r < 0)
        return r;
    grown = (uint32_t) (ag_buf_size(out) - before - text.len); /* or less than nothing, modulo 2^32 */
    *view_out = *view;
    for (int m = 0; m < AG_N_MEMBERS; m++) {
        struct ag_member_at *at = &view_out->at[m];

        if (at->type == AG_JSON_NONE || at->key < from)
            continue;
        at->key += grown;
        at->value += grown;
        at->end += grown;
    }
    from = from ? from : 6;
    view_out->at[AG_M_ID] =
        (struct ag_member_at){.key = key, .value = from, .end = from + (uint32_t) raw.len, .type = AG_JSON_NUMBER};
    return 0;
}

int ag_msg_error(struct ag_buf *out, struct ag_span id, int code, const char *message, const char *data)
{
    size_t undo = ag_buf_size(out);
    int r = ag_buf_printf(out, "{\"id\":%.*s,\"error\":{\"code\":%d,\"message\":", (int) id.len, id.p, code);

    if (r == 0)
        r = ag_buf_append_json_str(out, message, strlen(message));
    if (r == 0 && data)
        r = ag_buf_append_str(out, ",\"data\":");
    if (r == 0 && data)
        r = ag_buf_append_json_str(out, data, strlen(data));
    if (r == 0)
        r = ag_buf_append_str(out, "}}");
    if (r < 0)
        out->len = out->off + undo;
    return r;
}
