/* SPDX-License-Identifier: MIT */
#include "libagent/core/json/json_out.h"

struct ag_json_out ag_json_out_begin(struct ag_buf *buf)
{
    return (struct ag_json_out){.buf = buf, .start = ag_buf_size(buf)};
}

int ag_json_out_end(struct ag_json_out *o)
{
    if (o->error != 0)
        o->buf->len = o->buf->off + o->start;
    return o->error;
}

void ag_json_out_fail(struct ag_json_out *o, int error)
{
    if (o->error == 0)
        o->error = error;
}

static void append(struct ag_json_out *o, char c)
{
    if (o->error == 0)
        o->error = ag_buf_append_char(o->buf, c);
}

void ag_json_out_value(struct ag_json_out *o)
{
    if (o->comma)
        append(o, ',');
    o->comma = true;
}

void ag_json_out_done(struct ag_json_out *o, int r)
{
    if (r != 0)
        ag_json_out_fail(o, r);
}

void ag_json_out_open(struct ag_json_out *o, char bracket)
{
    ag_json_out_value(o);
    append(o, bracket);
    o->comma = false;
}

void ag_json_out_close(struct ag_json_out *o, char bracket)
{
    append(o, bracket);
    o->comma = true;
}

void ag_json_out_text(struct ag_json_out *o, struct ag_span s)
{
    ag_json_out_value(o);
    if (o->error == 0)
        o->error = ag_buf_append_json_str(o->buf, s.p, s.len);
}

void ag_json_out_str(struct ag_json_out *o, const char *s)
{
    ag_json_out_text(o, (struct ag_span){s, strlen(s)});
}

void ag_json_out_key(struct ag_json_out *o, struct ag_span name)
{
    ag_json_out_text(o, name);
    append(o, ':');
    o->comma = false;
}

void ag_json_out_name(struct ag_json_out *o, const char *name)
{
    ag_json_out_key(o, (struct ag_span){name, strlen(name)});
}

void ag_json_out_bool(struct ag_json_out *o, bool v)
{
    ag_json_out_raw(o, v ? AG_SPAN("true") : AG_SPAN("false"));
}

void ag_json_out_u64(struct ag_json_out *o, uint64_t v)
{
    ag_json_out_value(o);
    if (o->error == 0)
        o->error = ag_buf_append_u64(o->buf, v);
}

void ag_json_out_null(struct ag_json_out *o)
{
    ag_json_out_raw(o, AG_SPAN("null"));
}

void ag_json_out_raw(struct ag_json_out *o, struct ag_span json)
{
    ag_json_out_value(o);
    if (o->error == 0)
        o->error = ag_buf_append_span(o->buf, json);
}

void ag_json_out_printf(struct ag_json_out *o, const char *fmt, ...)
{
    va_list ap;

    ag_json_out_value(o);
    if (o->error != 0)
        return;
    va_start(ap, fmt);
    o->error = ag_buf_vprintf(o->buf, fmt, ap);
    va_end(ap);
}

void ag_json_out_name_str(struct ag_json_out *o, const char *name, const char *s)
{
    ag_json_out_name(o, name);
    ag_json_out_str(o, s);
}

void ag_json_out_name_bool(struct ag_json_out *o, const char *name, bool v)
{
    ag_json_out_name(o, name);
    ag_json_out_bool(o, v);
}

void ag_json_out_name_u64(struct ag_json_out *o, const char *name, uint64_t v)
{
    ag_json_out_name(o, name);
    ag_json_out_u64(o, v);
}

void ag_json_out_name_raw(struct ag_json_out *o, const char *name, struct ag_span json)
{
    ag_json_out_name(o, name);
    ag_json_out_raw(o, json);
}

void ag_json_out_name_open(struct ag_json_out *o, const char *name, char bracket)
{
    ag_json_out_name(o, name);
    ag_json_out_open(o, bracket);
}
