/* SPDX-License-Identifier: MIT */
/* Open pages: each has a stream of events and may watch the traffic. */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include "agent/apps/web/core/session.h"
#include "agent/apps/web/core/values.h"
#include "agent/apps/web/io/stream.h"

struct web_pages_sink {
    /* It is time to ask for what changes by itself. */
    void (*on_poll)(void *user);
    /* A page has come or gone. any: there are some; traffic: one of them looks at the traffic. */
    void (*on_change)(bool any, bool traffic, void *user);
};

struct web_pages {
    /* borrowed */
    uv_loop_t *loop;
    struct web_streams *streams;
    struct web_sessions *sessions;
    const struct web_values *values;
    const struct web_pages_sink *sink;
    void *user;

    struct ag_list all;
    uv_timer_t beat; /* runs while pages are open */
    bool beat_open;
    unsigned n_beats;
};

/* After what is borrowed has been set. */
void web_pages_init(struct web_pages *ps);
/* Stops the beat; the pages go with the server. */
void web_pages_stop(struct web_pages *ps);

/* Answers GET /api/events; state is all that is known now; empty: it could not be printed. */
void web_page_open(struct web_pages *ps, struct web_request *req, struct ag_span session, struct ag_span state);
/* Params of an agent.event, for those that look at the traffic. */
void web_pages_event(struct web_pages *ps, struct ag_span params);
/* To every page; data has no line end in it. */
void web_pages_send(struct web_pages *ps, const char *event, struct ag_span data);
/* Those of that session end. */
void web_pages_end(struct web_pages *ps, struct ag_span session);

#endif
