/* SPDX-License-Identifier: MIT */
/*
 * Values in the form of the serial line. Strings are JSON strings in which each space is written \u0020,
 * because MCU code is known to cut lines at every space; other characters are raw UTF-8. Numbers and booleans
 * go as they are.
 */
#ifndef MCU_LINE_VALUE_H
#define MCU_LINE_VALUE_H

#include "libagent/core/json/json_walk.h"
#include "libagent/core/buf.h"

enum { LINE_VALUE_E_TYPE = 1 }; /* null, an array, an object, absent, or a string that has no UTF-8 form */

/* Appends v as it is on the line. 0, LINE_VALUE_E_TYPE, -ENOMEM; out may have grown after an error. */
int line_value_append(struct ag_buf *out, struct ag_json_value v);

#endif
