/* SPDX-License-Identifier: MIT */
/*
 * JSON as the stand-ins read it: recursive descent straight from the grammar of RFC 8259, strict, sharing no code with libagent's
 * scanner, so that a fault of one shows beside the other. Nothing is copied: values are spans of the text, numbers keep their
 * digits, strings their quotes and escapes. No two members of one name are preferred to each other: the first is found.
 */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum sim_json_type { SIM_JSON_NONE, SIM_JSON_OBJECT, SIM_JSON_ARRAY, SIM_JSON_STRING, SIM_JSON_NUMBER, SIM_JSON_WORD };

/* UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool sim_utf8_valid(struct ag_span s);

/* The length of the object at p[0], no deeper than max_depth; 0: none that is well-formed and whole begins there. */
size_t sim_json_object_len(const char *p, size_t n, unsigned max_depth);

/* Whether the whole text is one such object; white space around it is cut off then. */
bool sim_json_object(struct ag_span *text, unsigned max_depth);

/* Below: of values inside a text that sim_json_object() has accepted. */

/* By its first byte; SIM_JSON_NONE: there is no value. */
enum sim_json_type sim_json_type(struct ag_span value);

struct sim_json_walk {
    const char *p, *end;
};

/* Through the members of an object or the items of an array; of any other value there are none. */
struct sim_json_walk sim_json_walk(struct ag_span container);
/* false: no more. *name: with its quotes; {NULL, 0} of an item. */
bool sim_json_next(struct sim_json_walk *w, struct ag_span *name, struct ag_span *value);

/* The first member of that name, however it is escaped; {NULL, 0} when there is none. */
struct ag_span sim_json_get(struct ag_span object, const char *name);
/* Whether a string's content is that name (ASCII), however it is escaped. */
bool sim_json_is(struct ag_span string, const char *name);

/* A whole number of digits only, at most max. */
bool sim_json_uint(struct ag_span value, uint64_t max, uint64_t *out);

/* Appends a string's content. 0; -EINVAL: no string, or a lone surrogate; -ENOMEM. */
int sim_json_text(struct ag_buf *out, struct ag_span string);

/* Appends the value without white space between its parts. 0 or -ENOMEM. */
int sim_json_compact(struct ag_buf *out, struct ag_span value);

#endif
