/* SPDX-License-Identifier: MIT */
/* Log level 4: every message that passes, in a few words and without its params. */
#ifndef CLIENT_LOCAL_TRACE_H
#define CLIENT_LOCAL_TRACE_H

#include "client/local/core/origin.h"
#include "libagent/core/json/json.h"

/* From or to somebody; view is of text, NULL: not at hand. Costs a comparison below level 4. */
void local_trace_from(struct origin who, struct ag_span text, const struct ag_json_view *view);
void local_trace_to(struct origin who, struct ag_span text, const struct ag_json_view *view);

#endif
