/* SPDX-License-Identifier: MIT */
#include "client/report/core/report_policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/hash.h"
#include "libagent/core/json/json_iter.h"

static const char *const words[] = {[REPORT_ALL] = "all", [REPORT_LATEST] = "latest", [REPORT_DROP] = "drop"};

static bool begins(struct ag_span s, const char *with)
{
    size_t n = strlen(with);

    return s.len >= n && memcmp(s.p, with, n) == 0;
}

bool report_is_kept(struct ag_span method)
{
    return ag_span_eq(method, "props") || ag_span_eq(method, "properties_changed") || ag_span_eq(method, "event_occured") ||
           begins(method, "prop.") || begins(method, "event.");
}

/* -1: no such word. */
static int parse_word(const char *text)
{
    for (size_t i = 0; i < ag_array_size(words); i++) {
        if (strcmp(text, words[i]) == 0)
            return (int) i;
    }
    return -1;
}

/* How well a line's name fits: -1 not at all, else the number of bytes that it fixes. */
static long fits(const char *name, struct ag_span method)
{
    struct ag_span pattern;

    if (strcmp(name, "spool") == 0)
        return 0;
    if (strncmp(name, "spool.", 6) != 0)
        return -1;
    pattern = (struct ag_span){name + 6, strlen(name + 6)};
    if (pattern.len > 0 && pattern.p[pattern.len - 1] == '*')
        return method.len >= pattern.len - 1 && memcmp(method.p, pattern.p, pattern.len - 1) == 0 ? (long) pattern.len : -1;
    return ag_span_is(method, pattern.p, pattern.len) ? (long) pattern.len + 1 : -1;
}

enum report_policy report_policy_of(const struct device_conf *conf, struct ag_span method)
{
    enum report_policy best = REPORT_ALL;
    long best_fit = -1;

    for (size_t i = 0; i < conf->n_entries; i++) {
        const char *name, *value;
        long fit;

        device_conf_nth(conf, i, &name, &value);
        fit = name[0] == 's' ? fits(name, method) : -1; /* called for each report: nearly all lines are other ones */
        if (fit >= best_fit && fit >= 0 && parse_word(value) >= 0) {
            best = (enum report_policy) parse_word(value);
            best_fit = fit;
        }
    }
    return best;
}

int report_policy_check(const struct device_conf *conf, struct report_limits *limits_out, struct device_conf_error *err)
{
    long reports, bytes, age;

    if (device_conf_get_int(conf, "spool_max_reports", 1, 1000000, 10000, &reports, err) < 0 ||
        device_conf_get_int(conf, "spool_max_bytes", 65536, 1 << 30, 4 << 20, &bytes, err) < 0 ||
        device_conf_get_int(conf, "spool_max_age_s", 1, 400000000, 604800, &age, err) < 0)
        return -EINVAL;
    *limits_out = (struct report_limits){(unsigned) reports, (size_t) bytes, (uint32_t) age};
    for (size_t i = 0; i < conf->n_entries; i++) {
        const char *name, *value;

        device_conf_nth(conf, i, &name, &value);
        if ((strcmp(name, "spool") == 0 || strncmp(name, "spool.", 6) == 0) && parse_word(value) < 0) {
            err->line = device_conf_line(conf, name);
            snprintf(err->why, sizeof err->why, "%.40s must be all, latest or drop", name);
            return -EINVAL;
        }
    }
    return 0;
}

static uint64_t mix(uint64_t h, struct ag_span s)
{
    return ag_hash(ag_hash(h, s.p, s.len), "\xff", 1); /* a byte that no text holds: "ab","c" is not "a","bc" */
}

uint64_t report_topic(struct ag_span method, struct ag_span params)
{
    uint64_t h = mix(AG_HASH_BEGIN, method);
    struct ag_span name, value;
    struct ag_json_iter it;

    switch (params.p ? ag_json_type(params) : AG_JSON_NONE) {
    case AG_JSON_OBJECT:
        it = ag_json_iter_begin(params);
        while (ag_json_iter_member(&it, &name, &value))
            h = mix(h, name);
        break;
    case AG_JSON_ARRAY:
        it = ag_json_iter_begin(params);
        while (ag_json_iter_item(&it, &value)) {
            if (ag_json_type(value) != AG_JSON_OBJECT)
                continue; /* prop.x [value]: the method says it all */
            h = mix(mix(h, ag_json_get(value, "siid")), ag_json_get(value, "piid"));
        }
        break;
    default:
        break;
    }
    return h ? h : 1;
}
