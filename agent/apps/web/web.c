/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/web.h"

#include <errno.h>
#include <string.h>
#include "agent/apps/web/api.h"
#include "agent/apps/web/bus.h"
#include "libagent/core/log/log.h"

static void set_up(struct web *w, uv_loop_t *loop, const struct web_options *o)
{
    *w = (struct web){.loop = loop, .options = o};
    w->sessions.idle_ms = o->idle_ms;
    w->sessions.life_ms = o->life_ms;
    snprintf(w->local_status, sizeof w->local_status, "%s", AGENT_STATUS_UNKNOWN);
    ag_list_init(&w->pages);
    web_children_init(&w->children, loop);
    uv_timer_init(loop, &w->beat);
    w->beat.data = w;
    w->beat_open = true;
}

int web_start(struct web *w, uv_loop_t *loop, const struct web_options *o)
{
    struct web_server_options server = o->server;
    int r = 0;

    set_up(w, loop, o);
    if (o->model)
        r = web_model_print(o->model, &w->model);
    if (r < 0)
        return r;
    r = web_bus_open(w);
    if (r < 0) {
        ag_log(AG_LOG_ERROR, "agent: %s", agent_strerror(r));
        return r;
    }
    server.handler = web_api_handle;
    server.user = w;
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
    web_bus_close(w);
    web_children_stop(&w->children);
    web_server_close(&w->server); /* goes when every request that waits has been answered */
    w->beat_open = false;
    uv_close((uv_handle_t *) &w->beat, NULL);
}

void web_deinit(struct web *w)
{
    ag_buf_deinit(&w->status);
    ag_buf_deinit(&w->peers);
    ag_buf_deinit(&w->networks);
    ag_buf_deinit(&w->model);
    web_values_deinit(&w->values);
    explicit_bzero(&w->sessions, sizeof w->sessions);
}
