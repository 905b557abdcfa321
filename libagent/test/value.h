/* SPDX-License-Identifier: MIT */
/* JSON values compared by what they are, not by how they are written. */
#ifndef AG_TEST_VALUE_H
#define AG_TEST_VALUE_H

#include "libagent/core/json/json_walk.h"

/*
 * 1: the same; 0: not; -ENOMEM. White space, escapes and the order of members do not count. Whole numbers are
 * the same when their digits are, others when they are the same double.
 */
int ag_test_same(struct ag_json_value a, struct ag_json_value b);

/* The value of a JSON text that was written by hand, white space around it allowed. 0; -EINVAL: not one
 * value; -ENOMEM. */
int ag_test_value(const char *text, struct ag_json_value *out);

#endif
