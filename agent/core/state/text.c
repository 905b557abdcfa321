/* SPDX-License-Identifier: MIT */
#include "agent/core/state/text.h"

#include <string.h>

enum { RAW_ID_MAX = 64 };

static void read_id(struct text *t)
{
    uint64_t id;

    t->has_id = false;
    if (!ag_view_has(t->view, AG_M_ID))
        return;
    if (t->view->twice & 1u << AG_M_ID) {
        t->bad = "two ids";
    } else if (!ag_view_uint(t->view, t->bytes.p, AG_M_ID, UINT32_MAX, &id)) {
        t->bad = "id must be an unsigned 32-bit integer";
    } else {
        t->id = (uint32_t) id;
        t->has_id = true;
    }
}

void text_read(struct text *t, struct ag_span bytes, const struct ag_json_view *view)
{
    t->bytes = bytes;
    t->view = view;
    t->bad = NULL;
    read_id(t);
    t->has_method = ag_view_has(view, AG_M_METHOD);
    t->method = (struct ag_span){NULL, 0};
    if (t->has_method && !ag_view_str(view, bytes.p, AG_M_METHOD, t->decoded, sizeof t->decoded, &t->method))
        t->bad = "method must be a string";
}

struct ag_span text_raw_id(const struct text *t)
{
    struct ag_span raw = ag_view_raw(t->view, t->bytes.p, AG_M_ID);
    uint8_t type = t->view->at[AG_M_ID].type;

    if (type == AG_JSON_OBJECT || type == AG_JSON_ARRAY || raw.len > RAW_ID_MAX)
        return (struct ag_span){NULL, 0};
    return raw;
}

enum family text_family(struct ag_span method)
{
    if (method.len < 6 || (*method.p != 'l' && *method.p != '_'))
        return FAMILY_NONE;
    if (memcmp(method.p, "local.", 6) == 0)
        return FAMILY_LOCAL;
    if (method.len >= 10 && memcmp(method.p, "_internal.", 10) == 0)
        return FAMILY_INTERNAL;
    return FAMILY_NONE;
}
