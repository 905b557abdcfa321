/*
 * Walks the members of one JSON object or the elements of one array, giving their bytes as they stand, so
 * that digits and strings travel as text. The text must have passed ag_json_parse(); nothing is checked again
 * here.
 */
#ifndef MCU_JSON_WALK_H
#define MCU_JSON_WALK_H

#include "libagent/core/json.h"

struct json_value {
    enum ag_json_type type; /* AG_JSON_NONE: absent */
    struct ag_span raw;     /* a string with its quotes */
};

struct json_walk {
    const char *p, *end;
    bool object;
};

/* The value whose first byte stands at p; its span ends where the value ends. */
struct json_value json_value_at(const char *p, const char *end);

/* container must be an object or array. */
void json_walk_begin(struct json_walk *w, struct json_value container);

/* The next element; of an object key_out gets the name with its quotes, else {NULL, 0}. False at the end. */
bool json_walk_next(struct json_walk *w, struct ag_span *key_out, struct json_value *value_out);

/* The first member of that name; type AG_JSON_NONE when there is none. */
struct json_value json_member(struct json_value object, const char *name);

/* Number of elements. */
size_t json_count(struct json_value container);

#endif
