/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include "libagent/core/text/message.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_empty_object(struct ag_span text)
{
    size_t i = 1;

    while (is_space(text.p[i]))
        i++;
    return text.p[i] == '}';
}

int ot_text_with_id(struct ag_buf *out, struct ag_span text, uint64_t id)
{
    struct ag_json_view v;
    int r;

    if (ag_json_parse(&text, OT_DEPTH_MAX, &v) != 0)
        return -EINVAL;
    if (ag_view_has(&v, AG_M_ID))
        return ag_msg_splice_id(out, text, &v, id);
    r = ag_buf_reserve(out, text.len + 32);
    if (r < 0)
        return r;
    ag_buf_printf(out, "{\"id\":%" PRIu64 "%s", id, is_empty_object(text) ? "" : ",");
    return ag_buf_append(out, text.p + 1, text.len - 1);
}

int ot_text_without_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *v)
{
    size_t from = v->at[AG_M_ID].key, to = v->at[AG_M_ID].end;
    int r;

    while (is_space(text.p[to]))
        to++;
    if (text.p[to] == ',') {
        to++;
    } else {
        while (is_space(text.p[from - 1]))
            from--;
        if (text.p[from - 1] == ',')
            from--;
    }
    r = ag_buf_reserve(out, text.len);
    if (r < 0)
        return r;
    ag_buf_append(out, text.p, from);
    return ag_buf_append(out, text.p + to, text.len - to);
}
