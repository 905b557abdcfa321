/* SPDX-License-Identifier: MIT */
/* JSON values of the application's own making. */
#ifndef MODEL_TEXT_H
#define MODEL_TEXT_H

#include "libagent/core/util.h"

/* json must be one JSON value in UTF-8; *raw_out is it without the white space around. 0 or -EDOM. Nothing is allocated. */
int ag_model_text_value(const char *json, struct ag_span *raw_out);

#endif
