/* SPDX-License-Identifier: MIT */
/* Commands on their way down to the subscribers of their method, and the answers back to the asker. */
#ifndef AGENT_CORE_COMMANDS_H
#define AGENT_CORE_COMMANDS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/*
 * A command of origin (upstream, or an application by agent.call) to the subscribers of its method. t->bytes
 * goes out as it is, under t->id; the answer comes to origin under origin_id.
 */
void commands_route(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id, const struct text *t);

/* A text without a method from an application: perhaps the answer to a command. */
void commands_answer(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

/* The end of a command with an error for its asker. */
void commands_fail(struct router *r, struct command *c, int code, const char *message, const char *data);

/* This application answers nothing any more: commands that only it was asked end. */
void commands_unask(struct router *r, struct peer *p);
/* It no longer wants answers. */
void commands_orphan(struct router *r, struct peer *origin);

/* Those that waited for a subscriber (grace.h) which is there now go out. */
void commands_release(struct router *r, uint64_t now_ms);
/* Answers all whose deadline has come. */
void commands_expire(struct router *r, uint64_t now_ms);
/* The nearest deadline; AG_NEVER: none. */
uint64_t commands_deadline(const struct router *r);
/* Answers all of them: the router is shutting down. */
void commands_shutdown(struct router *r, uint64_t now_ms);

#endif
