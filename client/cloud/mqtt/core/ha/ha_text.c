/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_text.h"

#include "client/cloud/mqtt/core/ha/ha_choice.h"

void ha_text_deinit(struct ha_text *t)
{
    ag_buf_deinit(&t->b);
}

void ha_put(struct ha_text *t, const char *fmt, ...)
{
    va_list ap;

    if (t->r < 0)
        return;
    va_start(ap, fmt);
    t->r = ag_buf_vprintf(&t->b, fmt, ap);
    va_end(ap);
}

void ha_put_span(struct ha_text *t, struct ag_span s)
{
    if (t->r == 0)
        t->r = ag_buf_append_span(&t->b, s);
}

void ha_put_literal(struct ha_text *t, struct ag_span text)
{
    if (t->r == 0)
        t->r = ha_append_literal(&t->b, text);
}

static void put_json(struct ha_text *t, const char *key, struct ag_span value)
{
    ha_put(t, ",\"%s\":", key);
    if (t->r == 0)
        t->r = ag_buf_append_json_str(&t->b, value.p, value.len);
}

void ha_put_member(struct ha_text *t, const char *key, const char *text)
{
    put_json(t, key, (struct ag_span){text, strlen(text)});
}

void ha_put_text(struct ha_text *t, const char *key, const struct ha_text *value)
{
    if (t->r == 0)
        t->r = value->r;
    put_json(t, key, ag_buf_span(&value->b));
}

void ha_put_clean(struct ha_text *t, const char *text)
{
    if (t->r == 0)
        t->r = ha_append_clean_text(&t->b, (struct ag_span){text, strlen(text)});
}
