/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers as the model needs them: a JSON number as an integer count of 10^-scale, so that 0.1 is 0.1. No
 * floating point is involved anywhere.
 */
#ifndef MODEL_CORE_NUMBER_H
#define MODEL_CORE_NUMBER_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum { MODEL_SCALE_MAX = 9 };

/* Named condition: the number does not fit into 63 bits at this scale. */
enum { MODEL_E_NUMBER_RANGE = 1 };

/*
 * raw: the bytes of a valid JSON number. *units_out: the number in units of 10^-scale, rounded to the nearest, halves away
 * from zero; *exact_out: nothing was rounded away. 0 or MODEL_E_NUMBER_RANGE.
 */
int ag_model_number_read(struct ag_span raw, unsigned scale, int64_t *units_out, bool *exact_out);

/* The least scale at which the number is exact; MODEL_SCALE_MAX + 1 when there is none. */
unsigned ag_model_number_scale(struct ag_span raw);

/* Longest text of ag_model_number_write(), its NUL included. */
enum { MODEL_NUMBER_TEXT = 24 };
/* The shortest decimal text, without exponent: "21.5", "-0.1", "400". Returns its length. */
size_t ag_model_number_write(int64_t units, unsigned scale, char out[MODEL_NUMBER_TEXT]);

/* 10^scale. */
double ag_model_number_power(unsigned scale);
double ag_model_number_double(int64_t units, unsigned scale);

#endif
