/* SPDX-License-Identifier: MIT */
/*
 * A standby that registers with an id and "params":{"tell":true} is told: ["waiting"] in place of ["ok"] while the key has
 * an owner, and when it takes over, {"method":"agent.owner","params":{"key":"k"}}.
 */
#ifndef AGENT_CORE_STANDBY_H
#define AGENT_CORE_STANDBY_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

bool standby_wants_telling(const struct text *t);

/* The answer to a register that was accepted as a waiting standby. */
void standby_answer_waiting(struct router *r, struct peer *to, uint32_t id);
/* Tells the owners that were promoted since the last time. */
void standby_tell(struct router *r);

#endif
