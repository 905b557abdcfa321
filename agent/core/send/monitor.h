/* SPDX-License-Identifier: MIT */
/*
 * Monitors: applications that see a copy of what is routed. For each routed text one event
 *
 *     {"method":"agent.event","params":{"at":<unix ms>,"kind":"command","from":0,"to":[3,4],"text":{...}}}
 *
 * kind: command, report, request, answer (to a request or a command), local; from and to are peer ids, 0 is
 * upstream; to is [] for what was not delivered. A text over 64 KiB is replaced by "size":n. What the agent answers
 * itself has no from, but "by":"agent" and the reason in words:
 *
 *     {"at":<unix ms>,"kind":"answer","by":"agent","reason":"Method not found.","to":[0],"text":{"id":..,"error":{..}}}
 *
 * A monitor that does not read loses events, which are counted, and has no other effect.
 */
#ifndef AGENT_CORE_MONITOR_H
#define AGENT_CORE_MONITOR_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/* keys: raw JSON array of method names and prefixes, {NULL, 0} for all methods and for texts without one. A second call
   replaces the keys. 0, -ENOMEM, -EINVAL (keys), -EACCES (access rules), -ENOSPC (too many monitors). */
int monitor_start(struct router *r, struct peer *p, struct ag_span keys);
/* Nothing when it is none. */
void monitor_stop(struct router *r, struct peer *p);
/* Stops it if the present access rules forbid one of its keys. */
void monitor_review(struct router *r, struct peer *p);

/* Which monitors want texts of this method; one bit each. */
uint8_t monitor_match(const struct router *r, struct ag_span method);
/* One more receiver of the next text to be shown. */
void monitor_note_to(struct router *r, const struct peer *to);
/* The next event is the answer to a request: its asker's own id for it; the text has the agent's. */
void monitor_note_id(struct router *r, uint32_t id);
/* An error of the agent's own, sent to one peer under the id that peer knows. */
void monitor_tell_own(struct router *r, uint64_t now_ms, uint8_t bits, const struct peer *to, uint32_t id, int code,
                      const char *message, const char *data);
void monitor_tell(struct router *r, uint64_t now_ms, uint8_t bits, const char *kind, const struct peer *from,
                  struct ag_span text);

#endif
