/* SPDX-License-Identifier: MIT */
/*
 * What access rules mean for texts of applications: every way in asks here. A method that another reader of the text
 * could take for a different one (given twice, or not decodable) is nobody's but the owner's once rules are on.
 */
#ifndef AGENT_CORE_RIGHTS_H
#define AGENT_CORE_RIGHTS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/* A request or report that wants to go up, or agent.*. */
bool rights_call_rules(const struct router *r, const struct peer *p, const struct text *t);
static inline bool rights_call(const struct router *r, const struct peer *p, const struct text *t)
{
    return (!r->access.enabled && !ag_access_is_private(t->method)) || rights_call_rules(r, p, t);
}

/* A text with "_to" these addresses. */
bool rights_send(const struct router *r, const struct peer *p, const struct text *t, uint32_t mask);
/* One bit of a mask. */
bool rights_bind(const struct router *r, const struct peer *p, uint32_t bit);
/* A command by agent.call. method: decoded, {NULL, 0} when there is none. */
bool rights_inject(const struct router *r, const struct peer *p, struct ag_span method);
/* agent.monitor for everything (key {NULL, 0}) or for one key. */
bool rights_monitor(const struct router *r, const struct peer *p, struct ag_span key);

/* An existing subscription, by the present rules. */
bool rights_keep(const struct router *r, const struct sub *s);

#endif
