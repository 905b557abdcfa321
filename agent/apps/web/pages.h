/* SPDX-License-Identifier: MIT */
/* Open pages: each has a stream of events, and perhaps looks at the traffic. */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include "agent/apps/web/web.h"

/* Answers GET /api/events. */
void web_page_open(struct web *w, struct web_request *req, struct ag_span session);
/* Does a page look at the traffic? */
bool web_pages_watch(const struct web *w);
/* An agent.event. */
void web_pages_event(struct web *w, struct ag_span params);
/* To every page; data has no line end in it. */
void web_pages_send(struct web *w, const char *event, struct ag_span data);
/* Those of that session (NULL: of every one that is over) end. */
void web_pages_end(struct web *w, struct ag_span session);
/* Everything there is to know, for a page that has just opened. 0 or -ENOMEM. */
int web_state_print(struct web *w, struct ag_buf *out);

#endif
