/* SPDX-License-Identifier: MIT */
/* What each address of the page and of its API does. */
#ifndef WEB_API_H
#define WEB_API_H

#include "agent/apps/web/bus.h"
#include "agent/apps/web/io/child.h"
#include "agent/apps/web/options.h"
#include "agent/apps/web/pages.h"

struct web_api {
    /* borrowed */
    uv_loop_t *loop;
    const struct web_options *options;
    struct web_bus *bus;
    struct web_pages *pages;
    struct web_values *values;
    struct web_sessions *sessions;

    struct web_children children;
    struct web_limiter limiter;
    struct ag_buf networks, model; /* JSON texts; empty: not known */
    bool stopping;
};

/* The server's handler; user is the struct web_api. */
void web_api_handle(struct web_request *req, void *user);
/* Nothing that takes time is begun from now on, and programs end. */
void web_api_stop(struct web_api *a);
void web_api_deinit(struct web_api *a);

#endif
