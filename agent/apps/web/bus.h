/* SPDX-License-Identifier: MIT */
/* What miio_web sends to the agent and gets from it. */
#ifndef WEB_BUS_H
#define WEB_BUS_H

#include <agent/agent.h>
#include <agent/uv.h>
#include "agent/apps/web/io/request.h"

struct web_bus_sink {
    /* The params of an agent.event. */
    void (*on_event)(struct ag_span params, void *user);
    /* "agent", "status", "peers": JSON for every page. */
    void (*on_news)(const char *name, struct ag_span json, void *user);
};

struct web_bus {
    const struct web_bus_sink *sink;
    void *user;
    uv_loop_t *loop;
    agent_conn *conn;
    agent_uv adapter;
    bool adapted, closed;
    bool polled;                 /* somebody looks: what changes by itself is asked for as soon as the agent is there */
    bool wanted_all;             /* what the agent is to show us: everything, or reports alone */
    bool monitoring_all;         /* that is how it was asked last */
    bool monitoring;             /* and it does */
    uint64_t you;                /* our peer number at the agent; 0: not known */
    struct ag_buf status, peers; /* JSON texts; empty: not known */
    bool asking_status, asking_peers;
};

/* address: NULL for libagent's default. 0 or -errno; web_bus_close() in any case. */
int web_bus_open(struct web_bus *b, uv_loop_t *loop, const char *address, const struct web_bus_sink *sink, void *user);
void web_bus_close(struct web_bus *b);
void web_bus_deinit(struct web_bus *b);
bool web_bus_is_ready(const struct web_bus *b);
/* Asks for what changes by itself. */
void web_bus_poll(struct web_bus *b);
/* polled, and what the agent is to show us from now on: everything, or reports alone. */
void web_bus_follow(struct web_bus *b, bool polled, bool all);

/* A request of the page: suspended, then answered {"result":..} or {"error":{"code","message"}}. */
void web_bus_ask(struct web_bus *b, struct web_request *req, const char *method, const char *params, unsigned timeout_ms);

#endif
