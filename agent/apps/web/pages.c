/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "agent/apps/web/bus.h"
#include "agent/apps/web/core/traffic.h"
#include "libagent/core/json/json_out.h"

enum { BEAT_MS = 250, POLL_BEATS = 8, PING_BEATS = 40 };

struct page {
    struct ag_list all; /* in web.pages */
    struct web *web;
    struct web_stream *stream;
    struct web_traffic traffic;
    uint64_t reports;                /* of the values it has been told */
    char session[WEB_TOKEN_LEN + 1]; /* "": none is needed */
};

/* ---- the state ---- */

/* A member whose value is JSON already; null while it is not known. */
static void put_text(struct ag_json_out *o, const char *name, const struct ag_buf *text)
{
    ag_json_out_name(o, name);
    ag_json_out_raw(o, ag_buf_size(text) ? ag_buf_span(text) : AG_SPAN("null"));
}

static void put_bool(struct ag_json_out *o, const char *name, bool v)
{
    ag_json_out_name(o, name);
    ag_json_out_bool(o, v);
}

int web_state_print(struct web *w, struct ag_buf *out)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    ag_json_out_name(&o, "version");
    ag_json_out_str(&o, MIIO_VERSION);
    put_bool(&o, "agent", agent_get_state(w->conn) == AGENT_READY);
    ag_json_out_name(&o, "you");
    ag_json_out_printf(&o, "%" PRIu64, w->you);
    put_bool(&o, "monitor", w->monitoring);
    put_bool(&o, "model", ag_buf_size(&w->model) > 0);
    put_bool(&o, "networks", w->options->networks != NULL);
    put_text(&o, "status", &w->status);
    put_text(&o, "apps", &w->peers);
    ag_json_out_name(&o, "curves");
    ag_json_out_value(&o);
    ag_json_out_done(&o, web_values_print_curves(&w->values, out));
    ag_json_out_name(&o, "values");
    ag_json_out_value(&o);
    ag_json_out_done(&o, web_values_print(&w->values, 0, out));
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

/* ---- the beat ---- */

static void tell_traffic(struct page *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (p->traffic.on && web_traffic_take(&p->traffic, &b) == 1)
        web_stream_send(p->stream, "traffic", ag_buf_span(&b));
}

static void tell_values(struct page *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (p->reports == p->web->values.reports)
        return;
    if (web_values_print(&p->web->values, p->reports, &b) == 0)
        web_stream_send(p->stream, "values", ag_buf_span(&b));
    p->reports = p->web->values.reports;
}

static void on_beat(uv_timer_t *t)
{
    struct web *w = t->data;

    w->n_beats++;
    ag_list_for_each (it, &w->pages) {
        struct page *p = ag_list_entry(it, struct page, all);

        tell_traffic(p);
        tell_values(p);
        if (w->n_beats % PING_BEATS == 0)
            web_stream_ping(p->stream);
        if (p->session[0] && !web_sessions_has(&w->sessions, uv_now(w->loop), (struct ag_span){p->session, WEB_TOKEN_LEN}))
            web_stream_end(p->stream);
    }
    if (w->n_beats % POLL_BEATS == 0)
        web_bus_poll(w);
}

/* ---- a page comes and goes ---- */

bool web_pages_watch(const struct web *w)
{
    bool any = false;

    ag_list_for_each (it, &w->pages)
        any = any || ag_list_entry(it, struct page, all)->traffic.on;
    return any;
}

static void follow(struct web *w)
{
    if (!w->stopping && web_pages_watch(w) != w->monitoring_all)
        web_bus_monitor(w);
}

static void on_end(struct web_stream *stream, void *user)
{
    struct page *p = user;
    struct web *w = p->web;

    (void) stream;
    ag_list_del(&p->all);
    web_traffic_deinit(&p->traffic);
    free(p);
    if (ag_list_empty(&w->pages) && w->beat_open)
        uv_timer_stop(&w->beat);
    follow(w);
}

void web_page_open(struct web *w, struct web_request *req, struct ag_span session)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct page *p = calloc(1, sizeof *p);
    bool first = ag_list_empty(&w->pages);
    char wish[4];

    if (p)
        p->stream = web_stream_open(req, on_end, p);
    if (!p || !p->stream) {
        free(p);
        web_answer_error(req, 503, "too many open pages");
        return;
    }
    p->web = w;
    ag_list_append(&w->pages, &p->all);
    p->reports = w->values.reports;
    p->traffic.on = web_query_get(req->route.query, "traffic", wish, sizeof wish) && wish[0] == '1';
    web_query_get(req->route.query, "filter", p->traffic.filter, sizeof p->traffic.filter);
    if (session.len == WEB_TOKEN_LEN)
        memcpy(p->session, session.p, WEB_TOKEN_LEN);
    if (web_state_print(w, &b) == 0)
        web_stream_send(p->stream, "state", ag_buf_span(&b));
    if (first) {
        uv_timer_start(&w->beat, on_beat, BEAT_MS, BEAT_MS);
        web_bus_poll(w);
    }
    follow(w);
}

void web_pages_end(struct web *w, struct ag_span session)
{
    ag_list_for_each (it, &w->pages) {
        struct page *p = ag_list_entry(it, struct page, all);

        if (ag_span_is(session, p->session, strlen(p->session)))
            web_stream_end(p->stream);
    }
}

void web_pages_send(struct web *w, const char *event, struct ag_span data)
{
    ag_list_for_each (it, &w->pages)
        web_stream_send(ag_list_entry(it, struct page, all)->stream, event, data);
}

/* ---- traffic ---- */

void web_pages_event(struct web *w, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_span text = web_event_text(params);
    int printed = 1; /* not yet; once for all pages */

    if (!w->monitoring_all || web_event_is_poll(params, w->you))
        return;
    ag_list_for_each (it, &w->pages) {
        struct page *p = ag_list_entry(it, struct page, all);

        if (!web_traffic_wants(&p->traffic, text))
            continue;
        if (printed > 0)
            printed = web_event_print(params, &b);
        if (printed == 0)
            web_traffic_put(&p->traffic, ag_buf_span(&b));
    }
}
