/* Texts of applications on their way up: requests, reports, and answers to commands. */
#ifndef AGENT_CORE_UP_H
#define AGENT_CORE_UP_H

#include "agent/core/router.h"
#include "agent/core/state/text.h"

/* A text that cannot be routed: answered -32600 when it wants an answer, counted. */
void up_refuse(struct router *r, struct peer *from, const struct text *t);
void up_handle(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

/* The end of a request with an error for the application. */
void up_fail(struct router *r, struct request *q, int code, const char *message);

#endif
