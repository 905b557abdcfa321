/* SPDX-License-Identifier: MIT */
/* Log level 4: every message that passes, in a few words and without its params. */
#ifndef CLIENT_TRACE_H
#define CLIENT_TRACE_H

#include "client/lan/core/lan.h"
#include "client/local/core/origin.h"
#include "libagent/core/json/json.h"

/* From or to somebody; view is of text, NULL: not at hand. Costs a comparison below level 4. */
void client_trace_from(struct origin who, struct ag_span text, const struct ag_json_view *view);
void client_trace_to(struct origin who, struct ag_span text, const struct ag_json_view *view);

/* Level 3: a datagram was not served; what the counters say of it, before and after. Nothing when it was. */
void client_trace_lan(const struct lan_addr *from, const struct lan_stats *before, const struct lan_stats *after);

#endif
