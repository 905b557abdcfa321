/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a model are called in C. Every name begins with the device's, so none is a keyword or begins with a digit;
 * names that come out equal get their numbers appended, so they stay the same when others are added with higher numbers.
 */
#ifndef GEN_NAMES_H
#define GEN_NAMES_H

#include "libagent/model/core/spec.h"

enum { GEN_NAME_MAX = 256 };

struct names {
    const struct model *m;
    char prefix[64];                   /* "air_purifier" */
    char **props, **actions, **events; /* "light_brightness"; without the prefix */
    char **choices;                    /* per entry of all value-lists: "AUTO"; without prefix and property */
};

/* prefix NULL: the device's own name. 0; -ENOMEM; -EINVAL: prefix is no identifier. */
int names_init(struct names *n, const struct model *m, const char *prefix);
void names_deinit(struct names *n);

/* An identifier in upper case. */
const char *names_upper(const char *name, char out[GEN_NAME_MAX]);

#endif
