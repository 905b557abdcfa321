/* SPDX-License-Identifier: MIT */
/* Texts of applications on their way up, requests and reports, and upstream's answers to the requests. */
#ifndef AGENT_CORE_REQUESTS_H
#define AGENT_CORE_REQUESTS_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

/* A text with a method that can be routed: a request when it has an id, else a report. */
void requests_route(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t);

/* Upstream's answer to a request, with or without a method. */
void requests_answer(struct router *r, uint64_t now_ms, struct peer *upstream, struct request *q, const struct text *t);
/* local.query_time is answered by local.time: the open request that such a text answers, or NULL. */
struct request *requests_answered_by_method(const struct router *r, const struct text *t);

/* The end of a request with an error for the application. */
void requests_fail(struct router *r, struct request *q, int code, const char *message);
/* Upstream is gone: all of them end with an error. */
void requests_disconnected(struct router *r);

/* The application no longer wants answers. */
void requests_orphan(struct router *r, struct peer *p);
/* Gives up the first half closed application that has open requests, and these with it. False: there is none. */
bool requests_make_room(struct router *r);

/* Answers all whose deadline has come. */
void requests_expire(struct router *r, uint64_t now_ms);
/* The nearest deadline; AG_NEVER: none. */
uint64_t requests_deadline(const struct router *r);
/* Answers all of them: the router is shutting down. */
void requests_shutdown(struct router *r);

#endif
