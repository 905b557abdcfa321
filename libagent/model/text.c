/* SPDX-License-Identifier: MIT */
#include "libagent/model/text.h"

#include <errno.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"

enum { VALUE_DEPTH_MAX = 64 };

/* The scanner takes objects: it gets one in three pieces. */
static bool is_member(const char *json, size_t n)
{
    struct ag_json_scan s;
    size_t used;

    ag_json_scan_init(&s, VALUE_DEPTH_MAX);
    return ag_json_scan(&s, "{\"\":", 4, &used) == 0 && ag_json_scan(&s, json, n, &used) == 0 &&
           ag_json_scan(&s, "}", 1, &used) == -1;
}

int ag_model_text_value(const char *json, struct ag_span *raw_out)
{
    size_t n = strlen(json), lead = ag_json_skip(json, n);
    struct ag_json_value v;

    if (!is_member(json, n))
        return -EDOM;
    v = ag_json_value_at(json + lead, json + n);
    if (lead + v.raw.len + ag_json_skip(json + lead + v.raw.len, n - lead - v.raw.len) != n) /* other members behind it */
        return -EDOM;
    *raw_out = v.raw;
    return 0;
}
