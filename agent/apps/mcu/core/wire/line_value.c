/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/wire/line_value.h"

#include <errno.h>
#include <stdlib.h>

static void freep(char **p)
{
    free(*p);
}

static int append_byte(struct ag_buf *out, unsigned char c)
{
    static const char names[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(names, c) : NULL;

    if (at) {
        const char escape[2] = {'\\', letters[at - names]};

        return ag_buf_append(out, escape, sizeof escape);
    }
    if (c <= ' ' || c == 0x7f)
        return ag_buf_printf(out, "\\u%04x", c);
    return ag_buf_append_char(out, (char) c);
}

static int append_string(struct ag_buf *out, struct ag_span raw)
{
    ag_cleanup(freep) char *text = malloc(raw.len);
    long len;
    int r;

    if (!text)
        return -ENOMEM;
    len = ag_json_unescape(raw, text, raw.len);
    if (len < 0)
        return LINE_VALUE_E_TYPE;
    r = ag_buf_append_char(out, '"');
    for (long i = 0; r == 0 && i < len; i++)
        r = append_byte(out, (unsigned char) text[i]);
    return r == 0 ? ag_buf_append_char(out, '"') : r;
}

int line_value_append(struct ag_buf *out, struct ag_json_value v)
{
    switch (v.type) {
    case AG_JSON_STRING:
        return append_string(out, v.raw);
    case AG_JSON_NUMBER:
    case AG_JSON_TRUE:
    case AG_JSON_FALSE:
        return ag_buf_append_span(out, v.raw);
    default:
        return LINE_VALUE_E_TYPE;
    }
}
