/* SPDX-License-Identifier: MIT */
/*
 * The device's state, as applications follow it: local.status is sent when it changes, so followers miss changes while
 * upstream is away, and later ones would hear nothing before the next change. The agent asks at each connect for all of them,
 * and for later ones when they come, and passes the answer on as if it were the broadcast.
 */
#ifndef AGENT_CORE_STATUS_H
#define AGENT_CORE_STATUS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/* Upstream is there again. Asks nothing when nobody follows. */
void status_ask(struct router *r);
/* The peer has just got s. */
void status_registered(struct router *r, const struct sub *s);
/*
 * An application's _internal.* text is about to go up. The client takes a socket that begins with such a text for its helper
 * program, which gets no commands. A question of the agent's own goes first, so that its socket is not.
 */
void status_introduce(struct router *r);
/* True when a text of upstream was the answer; nothing else is to be done with it. */
bool status_take(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t);

#endif
