/* SPDX-License-Identifier: MIT */
/* What routing needs to know about one text: its method, its id, and whether they are of a kind that can be
 * routed. */
#ifndef AGENT_CORE_TEXT_H
#define AGENT_CORE_TEXT_H

#include "agent/core/table/request.h"
#include "libagent/core/json/json.h"

enum { TEXT_METHOD_MAX = 1024 }; /* decoded bytes of a method that is written with escapes */

struct text {
    struct ag_span bytes;
    const struct ag_json_view *view;
    struct ag_span method; /* decoded; {NULL, 0} when there is none */
    uint32_t id;
    bool has_method, has_id;
    const char *bad;               /* why it cannot be routed, or NULL */
    char decoded[TEXT_METHOD_MAX]; /* method may point here */
};

/* t may be uninitialised. */
void text_read(struct text *t, struct ag_span bytes, const struct ag_json_view *view);

/* The raw id as it may be repeated in an error: a scalar, not too long. Else {NULL, 0}. */
struct ag_span text_raw_id(const struct text *t);

enum family text_family(struct ag_span method);

#endif
