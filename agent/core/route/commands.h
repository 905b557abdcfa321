/* Texts on their way down: commands to subscribers and their answers back, upstream's answers to requests. */
#ifndef AGENT_CORE_DOWN_H
#define AGENT_CORE_DOWN_H

#include "agent/core/router.h"
#include "agent/core/state/text.h"

/* A text of upstream. */
void down_handle(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t);

/*
 * A command of origin (upstream, or an application by agent.call) to the subscribers of its method. t->bytes
 * goes out as it is, under t->id; the answer comes to origin under origin_id.
 */
void down_command(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id,
                  const struct text *t);

/* A text without a method from an application: perhaps the answer to a command. */
void down_answer(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

/* The end of a command with an error for its asker. */
void down_fail(struct router *r, struct command *c, int code, const char *message, const char *data);

#endif
