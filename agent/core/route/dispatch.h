/* SPDX-License-Identifier: MIT */
/* One text of a peer, to the file that handles its kind. */
#ifndef AGENT_CORE_DISPATCH_H
#define AGENT_CORE_DISPATCH_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

void dispatch_from_upstream(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t);
void dispatch_from_app(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

#endif
