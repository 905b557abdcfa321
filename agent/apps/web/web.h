/* SPDX-License-Identifier: MIT */
/*
 * miio_web: a page on the device. Owns the connection to the agent, what has been learned from it, the open pages and the
 * HTTP server, and ties them together.
 *
 * It is an application like any other: what it shows it asks by agent.*, client.* and agent.monitor, what it does goes
 * through agent.call and local.ble.config_router. While no page is open it asks nothing and follows only reports of
 * properties, for the curves.
 */
#ifndef WEB_H
#define WEB_H

#include "agent/apps/web/api.h"

struct web {
    uv_loop_t *loop;
    struct web_server server;
    struct web_bus bus;
    struct web_pages pages;
    struct web_api api;
    struct web_values values;
    struct web_sessions sessions;
    bool stopping;
};

/* 0 or -errno, with a line in the log. On failure web_stop() is still to be called. */
int web_start(struct web *w, uv_loop_t *loop, const struct web_options *options);
/* Leaves: the loop ends by itself. Idempotent. */
void web_stop(struct web *w);
/* After the loop has ended. */
void web_deinit(struct web *w);

#endif
