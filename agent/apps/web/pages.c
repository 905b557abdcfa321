/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/pages.h"

#include <stdlib.h>
#include <string.h>
#include "agent/apps/web/core/traffic.h"

enum { BEAT_MS = 250, POLL_BEATS = 8, PING_BEATS = 40 };

struct page {
    struct ag_list all; /* in web_pages.all */
    struct web_pages *pages;
    struct web_stream *stream;
    struct web_traffic traffic;
    uint64_t reports;                /* of the values it has got */
    char session[WEB_TOKEN_LEN + 1]; /* "": none is needed */
};

void web_pages_init(struct web_pages *ps)
{
    ag_list_init(&ps->all);
    uv_timer_init(ps->loop, &ps->beat);
    ps->beat.data = ps;
    ps->beat_open = true;
}

void web_pages_stop(struct web_pages *ps)
{
    ps->beat_open = false;
    uv_close((uv_handle_t *) &ps->beat, NULL);
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

    if (p->reports == p->pages->values->reports)
        return;
    if (web_values_print(p->pages->values, p->reports, &b) == 0)
        web_stream_send(p->stream, "values", ag_buf_span(&b));
    p->reports = p->pages->values->reports;
}

static void on_beat(uv_timer_t *t)
{
    struct web_pages *ps = t->data;

    ps->n_beats++;
    ag_list_for_each (it, &ps->all) {
        struct page *p = ag_list_entry(it, struct page, all);

        tell_traffic(p);
        tell_values(p);
        if (ps->n_beats % PING_BEATS == 0)
            web_stream_ping(p->stream);
        if (p->session[0] && !web_sessions_has(ps->sessions, uv_now(ps->loop), (struct ag_span){p->session, WEB_TOKEN_LEN}))
            web_stream_end(p->stream);
    }
    if (ps->n_beats % POLL_BEATS == 0)
        ps->sink->on_poll(ps->user);
}

/* ---- a page comes and goes ---- */

static void changed(struct web_pages *ps)
{
    bool traffic = false;

    ag_list_for_each (it, &ps->all)
        traffic = traffic || ag_list_entry(it, struct page, all)->traffic.on;
    ps->sink->on_change(!ag_list_empty(&ps->all), traffic, ps->user);
}

static void on_end(struct web_stream *stream, void *user)
{
    struct page *p = user;
    struct web_pages *ps = p->pages;

    (void) stream;
    ag_list_del(&p->all);
    web_traffic_deinit(&p->traffic);
    free(p);
    if (ag_list_empty(&ps->all) && ps->beat_open)
        uv_timer_stop(&ps->beat);
    changed(ps);
}

void web_page_open(struct web_pages *ps, struct web_request *req, struct ag_span session, struct ag_span state)
{
    struct page *p = calloc(1, sizeof *p);
    bool first = ag_list_empty(&ps->all);
    char wish[4];

    if (p)
        p->stream = web_stream_open(ps->streams, req, on_end, p);
    if (!p || !p->stream) {
        free(p);
        web_answer_error(req, 503, "too many open pages");
        return;
    }
    p->pages = ps;
    ag_list_append(&ps->all, &p->all);
    p->reports = ps->values->reports;
    p->traffic.on = web_query_get(req->route.query, "traffic", wish, sizeof wish) && wish[0] == '1';
    web_query_get(req->route.query, "filter", p->traffic.filter, sizeof p->traffic.filter);
    if (session.len == WEB_TOKEN_LEN)
        memcpy(p->session, session.p, WEB_TOKEN_LEN);
    if (state.len > 0)
        web_stream_send(p->stream, "state", state);
    if (first) {
        uv_timer_start(&ps->beat, on_beat, BEAT_MS, BEAT_MS);
        ps->sink->on_poll(ps->user);
    }
    changed(ps);
}

void web_pages_end(struct web_pages *ps, struct ag_span session)
{
    ag_list_for_each (it, &ps->all) {
        struct page *p = ag_list_entry(it, struct page, all);

        if (ag_span_is(session, p->session, strlen(p->session)))
            web_stream_end(p->stream);
    }
}

void web_pages_send(struct web_pages *ps, const char *event, struct ag_span data)
{
    ag_list_for_each (it, &ps->all)
        web_stream_send(ag_list_entry(it, struct page, all)->stream, event, data);
}

/* ---- traffic ---- */

void web_pages_event(struct web_pages *ps, struct ag_span params)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_span text = web_event_text(params);
    int printed = 1; /* not yet; once for all pages */

    ag_list_for_each (it, &ps->all) {
        struct page *p = ag_list_entry(it, struct page, all);

        if (!web_traffic_wants(&p->traffic, text))
            continue;
        if (printed > 0)
            printed = web_event_print(params, &b);
        if (printed == 0)
            web_traffic_put(&p->traffic, ag_buf_span(&b));
    }
}
