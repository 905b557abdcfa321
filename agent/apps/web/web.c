/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/web.h"

#include <errno.h>
#include <string.h>
#include "agent/apps/web/core/traffic.h"
#include "agent/apps/web/model.h"
#include "libagent/core/log/log.h"

/* ---- from the agent to the pages ---- */

static void on_event(struct ag_span params, void *user)
{
    struct web *w = user;

    web_values_take(&w->values, uv_now(w->loop), web_event_text(params));
    if (w->bus.monitoring_all && !web_event_is_poll(params, w->bus.you))
        web_pages_event(&w->pages, params);
}

static void on_news(const char *name, struct ag_span json, void *user)
{
    web_pages_send(&((struct web *) user)->pages, name, json);
}

static const struct web_bus_sink from_bus = {.on_event = on_event, .on_news = on_news};

/* ---- from the pages to the agent ---- */

static void on_poll(void *user)
{
    web_bus_poll(&((struct web *) user)->bus);
}

static void on_change(bool any, bool traffic, void *user)
{
    web_bus_follow(&((struct web *) user)->bus, any, traffic);
}

static const struct web_pages_sink from_pages = {.on_poll = on_poll, .on_change = on_change};

/* ---- start and end ---- */

static void set_up(struct web *w, uv_loop_t *loop, const struct web_options *o)
{
    *w = (struct web){.loop = loop};
    w->sessions.idle_ms = o->idle_ms;
    w->sessions.life_ms = o->life_ms;
    w->pages = (struct web_pages){.loop = loop,
                                  .streams = &w->server.streams,
                                  .sessions = &w->sessions,
                                  .values = &w->values,
                                  .sink = &from_pages,
                                  .user = w};
    web_pages_init(&w->pages);
    w->api = (struct web_api){
        .loop = loop, .options = o, .bus = &w->bus, .pages = &w->pages, .values = &w->values, .sessions = &w->sessions};
    web_children_init(&w->api.children, loop);
}

int web_start(struct web *w, uv_loop_t *loop, const struct web_options *o)
{
    struct web_server_options server = o->server;
    int r = 0;

    set_up(w, loop, o);
    if (o->model)
        r = web_model_print(o->model, &w->api.model);
    if (r < 0)
        return r;
    r = web_bus_open(&w->bus, loop, o->agent, &from_bus, w);
    if (r < 0) {
        ag_log(AG_LOG_ERROR, "agent: %s", agent_strerror(r));
        return r;
    }
    server.handler = web_api_handle;
    server.user = &w->api;
    r = web_server_open(&w->server, loop, &server);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "HTTP does not start: %s",
               r == -ENOTSUP ? "this libmicrohttpd has no TLS" : "certificate and key must be PEM and belong together");
    return r;
}

void web_stop(struct web *w)
{
    if (w->stopping || !w->loop)
        return;
    w->stopping = true;
    web_bus_close(&w->bus);
    web_api_stop(&w->api);
    web_server_close(&w->server); /* closes when every waiting request has been answered */
    web_pages_stop(&w->pages);
}

void web_deinit(struct web *w)
{
    web_bus_deinit(&w->bus);
    web_api_deinit(&w->api);
    web_values_deinit(&w->values);
    explicit_bzero(&w->sessions, sizeof w->sessions);
}
