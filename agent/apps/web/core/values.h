/* SPDX-License-Identifier: MIT */
/*
 * What the device's applications report: the last value of each property, and of numbers the course of the last hour. When
 * there are too many values, the one whose last report is the oldest makes room for a new name.
 */
#ifndef WEB_VALUES_H
#define WEB_VALUES_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    WEB_VALUES_MAX = 96,
    WEB_VALUE_NAME_MAX = 64,
    WEB_VALUE_TEXT_MAX = 256, /* of one value; a longer one is not kept */
    WEB_CURVE_POINTS = 180,
    WEB_CURVE_STEP_MS = 20000 /* 180 of them are an hour */
};

struct web_point {
    float last, low, high; /* low > high: nothing was told in this step */
};

/* The last hour in equal steps. */
struct web_curve {
    uint64_t step;                             /* number of the newest one, counted from time 0 */
    struct web_point points[WEB_CURVE_POINTS]; /* of step s: points[s % WEB_CURVE_POINTS] */
};

struct web_value {
    char name[WEB_VALUE_NAME_MAX + 1]; /* "power"; "2.1" of siid 2, piid 1 */
    char *text;                        /* JSON without white space; owned */
    uint64_t changed;                  /* number of the report that changed it last */
    uint64_t told_ms;
    struct web_curve *curve; /* owned; NULL: never a number */
};

struct web_values {
    struct web_value *list; /* owned; grows to WEB_VALUES_MAX */
    size_t n, cap;
    uint64_t reports; /* counts those that changed something */
};

void web_values_deinit(struct web_values *v);
/*
 * Takes the message of an application if it reports properties: props, prop.NAME, properties_changed. 1: something has
 * changed; 0: nothing; -ENOMEM: some of it was not kept.
 */
int web_values_take(struct web_values *v, uint64_t now_ms, struct ag_span text);
/* {"NAME":VALUE,...} of all that has changed after that report; 0 or -ENOMEM. */
int web_values_print(const struct web_values *v, uint64_t after, struct ag_buf *out);
/* The names that have a curve, as a JSON array. */
int web_values_print_curves(const struct web_values *v, struct ag_buf *out);
/* {"step_s":20,"points":[[STEPS AGO,last,low,high],...]}, oldest first. 0; -ENOENT: no such number; -ENOMEM. */
int web_curve_print(const struct web_values *v, const char *name, uint64_t now_ms, struct ag_buf *out);

#endif
