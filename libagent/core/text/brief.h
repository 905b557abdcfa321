/* SPDX-License-Identifier: MIT */
/*
 * A message in a few words, for a log that shows what passes: method or kind of answer, id and size. Never params, results
 * or error texts: there may be secrets in them.
 */
#ifndef AG_BRIEF_H
#define AG_BRIEF_H

#include "libagent/core/json/json.h"

enum { AG_BRIEF_MAX = 160 };

/* "set_power, id 7, 43 bytes", "result, id 7, 25 bytes", "error, id 7, 61 bytes". view is of text. Always printable. */
void ag_brief(char out[AG_BRIEF_MAX], struct ag_span text, const struct ag_json_view *view);

#endif
