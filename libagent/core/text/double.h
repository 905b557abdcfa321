/* SPDX-License-Identifier: MIT */
/* Numbers as doubles and back, with a point whatever the application's locale. */
#ifndef AG_DOUBLE_H
#define AG_DOUBLE_H

#include <stdbool.h>
#include "libagent/core/util.h"

/* text: a JSON number. 0 or -ENOMEM (only for more than some 60 digits). Beyond the range of a double: an infinity. */
int ag_double_read(struct ag_span text, double *out);

/* Room for ag_double_print(). */
enum { AG_DOUBLE_TEXT = 32 };
/*
 * The shortest decimal that reads back as the same double, or, with single, as the same float. v is finite. Returns its
 * length.
 */
size_t ag_double_print(double v, bool single, char out[AG_DOUBLE_TEXT]);
/* Replaces the locale's decimal point by '.' in what printf() made of a double. */
void ag_double_fix_point(char *text);

#endif
