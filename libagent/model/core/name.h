/* SPDX-License-Identifier: MIT */
/* Names: what a URN says, and one stable path for each property, action and event. */
#ifndef MODEL_CORE_NAME_H
#define MODEL_CORE_NAME_H

#include "libagent/core/buf.h"
#include "libagent/model/core/spec.h"

struct model_urn {
    struct ag_span name;
    struct ag_span model; /* "" when the URN has none */
};

/* urn: urn:<namespace>:<kind>:<name>:<8 hex digits>[:<model>:<version>[:<8 hex digits>]]. NULL, or what is wrong with it. */
const char *ag_model_urn_read(struct model_urn *out, const char *urn, const char *kind);

/* Gives each part its path; text will be m's text. 0 or -ENOMEM. */
int ag_model_name_all(struct model *m, struct ag_buf *text);

#endif
