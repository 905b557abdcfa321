/* SPDX-License-Identifier: MIT */
/*
 * Walks the members of an object and the items of an array inside a JSON text that ag_json_parse() has accepted, by
 * byte spans: nothing is copied, numbers keep their digits, strings their escapes.
 */
#ifndef AG_JSON_ITER_H
#define AG_JSON_ITER_H

#include "libagent/core/buf.h"
#include "libagent/core/json/json_walk.h"

struct ag_json_iter {
    struct ag_json_walk walk;
};

/* value: the bytes of one JSON value, no white space around it. */
enum ag_json_type ag_json_type(struct ag_span value);

/* Checks a whole text that is an object or an array (any value when the depth is at least 2). 0 or AG_JSON_E_*;
   *value is cut to the value's own bytes. */
int ag_json_check(struct ag_span *value, unsigned max_depth);

struct ag_json_iter ag_json_iter_begin(struct ag_span container);

/* false: no more, or not an object. name keeps its quotes. */
bool ag_json_iter_member(struct ag_json_iter *it, struct ag_span *name, struct ag_span *value);
/* false: no more, or neither array nor object. */
bool ag_json_iter_item(struct ag_json_iter *it, struct ag_span *value);

/* The value of the first member of that name (plain letters); {NULL, 0} when absent or not an object. */
struct ag_span ag_json_get(struct ag_span object, const char *name);

/* A string's content appended to out, escapes resolved. 0; -EINVAL: not a string, or a lone surrogate; -ENOMEM. */
int ag_json_append_text(struct ag_buf *out, struct ag_span string);

/* The value without white space between tokens. 0 or -ENOMEM (out unchanged). */
int ag_json_append_compact(struct ag_buf *out, struct ag_span value);

#endif
