/* SPDX-License-Identifier: MIT */
/* What miio_web says to the agent and hears from it. */
#ifndef WEB_BUS_H
#define WEB_BUS_H

#include "agent/apps/web/web.h"

/* 0 or -errno. */
int web_bus_open(struct web *w);
void web_bus_close(struct web *w);
/* Asks for what changes by itself, for open pages. */
void web_bus_poll(struct web *w);
/* Tells the agent what to show us: reports, or everything while a page looks at the traffic. */
void web_bus_monitor(struct web *w);

/* A request of the page: suspended, then answered {"result":..} or {"error":{"code","message"}}. */
void web_bus_ask(struct web *w, struct web_request *req, const char *method, const char *params, unsigned timeout_ms);

#endif
