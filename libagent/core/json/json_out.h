/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON into a buffer, value by value. Commas and the colon behind a name come by themselves. The first error stays:
 * what is written after it has no effect, and ag_json_out_end() reports it. So the calls in between need no checks.
 *
 *     struct ag_json_out o = ag_json_out_begin(buf);
 *
 *     ag_json_out_open(&o, '{');
 *     ag_json_out_name(&o, "ssid");
 *     ag_json_out_str(&o, ssid);
 *     ag_json_out_close(&o, '}');
 *     return ag_json_out_end(&o);
 *
 * It does not count brackets: each open needs its close. One writer at a time appends to a buffer.
 */
#ifndef AG_JSON_OUT_H
#define AG_JSON_OUT_H

#include "libagent/core/buf.h"

/* The fields are the writer's own. */
struct ag_json_out {
    struct ag_buf *buf; /* the caller's */
    size_t start;       /* of what is written, counted from the buffer's head */
    int error;
    bool comma; /* a value stands before the next one in its object or array */
};

/* Appends behind what buf holds; the bytes in it must not be consumed before the end. */
struct ag_json_out ag_json_out_begin(struct ag_buf *buf);

/* 0, or the first error (-ENOMEM, or what ag_json_out_fail() was given): then buf holds what it held before the beginning. */
int ag_json_out_end(struct ag_json_out *o);

/* An object '{' '}' or an array '[' ']'. */
void ag_json_out_open(struct ag_json_out *o, char bracket);
void ag_json_out_close(struct ag_json_out *o, char bracket);

/* The name of the member whose value comes next. */
void ag_json_out_name(struct ag_json_out *o, const char *name);

/* A string; ag_json_out_text() one of given length. Escaped as ag_buf_append_json_str() says. */
void ag_json_out_str(struct ag_json_out *o, const char *s);
void ag_json_out_text(struct ag_json_out *o, struct ag_span s);

void ag_json_out_bool(struct ag_json_out *o, bool v);

/* A value that is JSON already: a number by its digits, a whole text. */
void ag_json_out_raw(struct ag_json_out *o, struct ag_span json);
void ag_json_out_printf(struct ag_json_out *o, const char *fmt, ...) ag_printf_like(2, 3);

/* For a value that another function appends: between them it writes to o->buf, and done takes its 0 or negative errno.
       ag_json_out_value(&o);
       ag_json_out_done(&o, print(o.buf));  */
void ag_json_out_value(struct ag_json_out *o);
void ag_json_out_done(struct ag_json_out *o, int r);

/* Ends with this error (negative), unless there is one already. */
void ag_json_out_fail(struct ag_json_out *o, int error);

#endif
