/* SPDX-License-Identifier: MIT */
/*
 * Walks the members of one JSON object or the elements of one array, giving their bytes unchanged, so
 * that digits and strings travel as text. The text must have passed ag_json_parse(); nothing is checked again.
 */
#ifndef AG_JSON_WALK_H
#define AG_JSON_WALK_H

#include "libagent/core/json/json.h"

struct ag_json_value {
    enum ag_json_type type; /* AG_JSON_NONE: absent */
    struct ag_span raw;     /* a string with its quotes */
};

struct ag_json_walk {
    const char *p, *end;
    bool object;
};

/* The value whose first byte is at p; its span ends where the value ends. */
struct ag_json_value ag_json_value_at(const char *p, const char *end);

/* The value that raw is, without a byte around it. */
struct ag_json_value ag_json_value_whole(struct ag_span raw);

/* container must be an object or array. */
void ag_json_walk_begin(struct ag_json_walk *w, struct ag_json_value container);

/* The next element; of an object key_out gets the name with its quotes, else {NULL, 0}. False at the end. */
bool ag_json_walk_next(struct ag_json_walk *w, struct ag_span *key_out, struct ag_json_value *value_out);

/* When the next element of an array is an object: inner walks its members, and leave() goes on behind it, once
   ag_json_walk_next(inner) has been false. So no byte of it is looked at twice. */
bool ag_json_walk_enter(struct ag_json_walk *w, struct ag_json_walk *inner);
void ag_json_walk_leave(struct ag_json_walk *w, const struct ag_json_walk *inner);

/* The first member of that name; type AG_JSON_NONE when there is none. A name that is written with escapes is compared
   in its decoded form, when that has at most 64 bytes. */
struct ag_json_value ag_json_member(struct ag_json_value object, const char *name);

/* Whether a JSON string (with its quotes) is that name; one with escapes is compared as above. */
bool ag_json_key_is(struct ag_span key, const char *name);

/* Number of elements. */
size_t ag_json_count(struct ag_json_value container);

#endif
