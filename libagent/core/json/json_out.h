/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON into a buffer, value by value. Commas and the colon behind a name are put in by themselves. The first error
 * stays: what is written after it has no effect, and ag_json_out_end() reports it. So the calls in between need no checks.
 *
 *     struct ag_json_out o = ag_json_out_begin(buf);
 *
 *     ag_json_out_open(&o, '{');
 *     ag_json_out_name_str(&o, "ssid", ssid);
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
    bool comma; /* there is a value before the next one in its object or array */
};

/* Appends behind what buf holds; the bytes in it must not be consumed before the end. */
struct ag_json_out ag_json_out_begin(struct ag_buf *buf);

/*
 * 0, or the first error (-ENOMEM, or what ag_json_out_fail() or _done() was given): then buf holds what it held before
 * the beginning.
 */
int ag_json_out_end(struct ag_json_out *o);

/* An object '{' '}' or an array '[' ']'. */
void ag_json_out_open(struct ag_json_out *o, char bracket);
void ag_json_out_close(struct ag_json_out *o, char bracket);

/* The name of the member whose value comes next; ag_json_out_key() one of given length. */
void ag_json_out_name(struct ag_json_out *o, const char *name);
void ag_json_out_key(struct ag_json_out *o, struct ag_span name);

/* A string; ag_json_out_text() one of given length. Escaped as ag_buf_append_json_str() says. */
void ag_json_out_str(struct ag_json_out *o, const char *s);
void ag_json_out_text(struct ag_json_out *o, struct ag_span s);

void ag_json_out_bool(struct ag_json_out *o, bool v);
void ag_json_out_u64(struct ag_json_out *o, uint64_t v);
void ag_json_out_null(struct ag_json_out *o);

/* A value that is JSON already: a number by its digits, a whole text. */
void ag_json_out_raw(struct ag_json_out *o, struct ag_span json);
void ag_json_out_printf(struct ag_json_out *o, const char *fmt, ...) ag_printf_like(2, 3);

/* Name and value in one. */
void ag_json_out_name_str(struct ag_json_out *o, const char *name, const char *s);
void ag_json_out_name_bool(struct ag_json_out *o, const char *name, bool v);
void ag_json_out_name_u64(struct ag_json_out *o, const char *name, uint64_t v);
void ag_json_out_name_raw(struct ag_json_out *o, const char *name, struct ag_span json);
void ag_json_out_name_open(struct ag_json_out *o, const char *name, char bracket);

/* For a value that another function appends: between them it writes to o->buf, and done takes its 0 or error.
       ag_json_out_value(&o);
       ag_json_out_done(&o, print(o.buf));  */
void ag_json_out_value(struct ag_json_out *o);
void ag_json_out_done(struct ag_json_out *o, int r);

/* Ends with this error (anything but 0), unless there is one already. */
void ag_json_out_fail(struct ag_json_out *o, int error);

#endif
