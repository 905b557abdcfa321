/* SPDX-License-Identifier: MIT */
/*
 * The methods agent.*, which the agent serves itself. All but the events want an id.
 *
 * agent.info     {"version","pid","uptime_ms","upstream":true|false,"peers","keys","requests","commands","queued",
 *                "you":<own peer id>,"limits":{},
 *                "unserved":[{"method","n","ago_ms"}]}: commands that nobody subscribed to, the last eight methods
 * agent.stats    the counters of stats.h as one object
 * agent.peers    params [], or {"peer":N} for one: array of {"peer","uid","pid","encoding":"json"|"msgpack","address",
 *                "keys":["k",...],"n_keys","queued","requests","commands","texts_in","texts_out","age_ms","unanswered"}.
 *                uid is null when the kernel does not tell. A standby that waits has its key in "standby" as well.
 *                Without "peer" at most 64 keys each are listed.
 * agent.log      params [] or {"from":N}: {"lines":[...],"next":N,"more":true|false} of the last lines of the log, from
 *                number N on; next is where to go on. Root's and the agent's own user's, whether rules are on or not, and
 *                whom a rule names.
 * agent.monitor  params [] or {"keys":["local.*",...]}: events of monitor.h come until {"on":false} or the end of the
 *                connection. Verb "monitor": root and the agent's own user, and whom a rule names for these keys.
 * agent.call     params {"method":M,"params":P}: sends the command to M's subscribers as if from the cloud and gives
 *                back its answer; without an id nobody waits for that. Verb "inject": root and the agent's own user, and
 *                whom a rule names for M.
 */
#ifndef AGENT_CORE_INTROSPECT_H
#define AGENT_CORE_INTROSPECT_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

bool introspect_is_ours(struct ag_span method);
void introspect_handle(struct router *r, struct peer *from, const struct text *t);

#endif
