/* SPDX-License-Identifier: MIT */
/*
 * Texts from application to application: an application binds one bit of a 32-bit mask, and a text with "_to"
 * goes to each other application whose bit is in it, with "_from" in the place of "_to". Such a text never
 * goes upstream. Rules: those of the original agent 1.2, except that a taken address stays with its holder
 * and that the sender of a mask with its own bit gets no copy.
 */
#ifndef AGENT_CORE_ADDRESS_H
#define AGENT_CORE_ADDRESS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

enum { ADDRESS_E_TAKEN = 1 };

/* Of several bits the lowest counts; 0 gives the address up. 0 or ADDRESS_E_TAKEN. */
int address_bind(struct router *r, struct peer *p, uint32_t mask);
void address_release(struct router *r, struct peer *p);

/* A text that has a "_to". One that the rules forbid is answered when it has an id. */
void address_route(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

#endif
