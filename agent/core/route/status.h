/* SPDX-License-Identifier: MIT */
/*
 * The device's state, as applications follow it: local.status comes when it changes, so who follows it while upstream
 * was away has missed changes, and who comes later would hear nothing before the next one. The agent asks at each connect for all
 * of them, and for those who come later when they come, and passes the answer on as the broadcast it would have been.
 */
#ifndef AGENT_CORE_STATUS_H
#define AGENT_CORE_STATUS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/* Upstream is there again. Asks nothing when nobody follows. */
void status_ask(struct router *r);
/* The peer has s since just now. */
void status_registered(struct router *r, const struct sub *s);
/*
 * An application's _internal.* text is about to go up. The client takes a socket that begins with such a text for its helper
 * program, which gets no commands: so that the agent's is not, a question of the agent's own goes first.
 */
void status_introduce(struct router *r);
/* True when a text of upstream was the answer; it is done with then. */
bool status_take(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t);

#endif
