/* SPDX-License-Identifier: MIT */
#include "agent/core/route/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "agent/core/route/commands.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"

/* They come again, and are reported then. */
static void end_followers(struct router *r)
{
    struct sub_key *k = sub_match(&r->subs, AG_SPAN("local.status"));

    if (!k)
        return;
    ag_list_for_each (it, &k->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (s->active && (r->status_for_all || s->peer->wants_status))
            out_end(r, s->peer, PEER_END_MEMORY);
    }
}

static void ask(struct router *r, bool for_all)
{
    char text[80];
    int n, e;

    r->introduced = true;
    r->status_for_all = for_all;
    r->status_id = request_draw_id(&r->requests);
    n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"local.query_status\",\"params\":\"\"}", r->status_id);
    e = out_text(r, r->upstream, OUT_MESSAGE, (struct ag_span){text, (size_t) n});
    r->has_status_id = e == 0;
    if (e == -ENOMEM)
        end_followers(r);
}

void status_ask(struct router *r)
{
    r->has_status_id = r->introduced = false;
    if (sub_match(&r->subs, AG_SPAN("local.status")))
        ask(r, true);
}

void status_registered(struct router *r, const struct sub *s)
{
    if (!r->upstream || !s->active || sub_match(&r->subs, AG_SPAN("local.status")) != s->key)
        return;
    s->peer->wants_status = true;
    if (!r->has_status_id) /* the answer to an open question is still current: changes follow it */
        ask(r, false);
}

void status_introduce(struct router *r)
{
    if (!r->introduced)
        ask(r, true);
}

static int print_broadcast(struct ag_buf *b, const struct text *t)
{
    int e = ag_buf_append_str(b, "{\"method\":\"local.status\",\"params\":");

    if (e == 0)
        e = ag_buf_append_span(b, ag_view_raw(t->view, t->bytes.p, AG_M_PARAMS));
    return e < 0 ? e : ag_buf_append_char(b, '}');
}

static void tell_newcomers(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;
    struct sub_key *k = sub_match(&r->subs, t->method);

    if (!k)
        return; /* they have gone again */
    ag_list_for_each (it, &k->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (!s->peer->wants_status || !s->active || s->denied || !peer_is_open(s->peer) ||
            out_text(r, s->peer, OUT_NEWS, t->bytes) != 0)
            continue;
        r->stats.deliveries++;
        if (bits)
            monitor_note_to(r, s->peer);
    }
    if (bits)
        monitor_tell(r, now_ms, bits, "command", upstream, t->bytes);
}

static void tell(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view v;
    struct ag_span bytes;
    struct text out;

    if (print_broadcast(&b, t) < 0) {
        r->stats.out_of_memory++;
        end_followers(r);
        return;
    }
    bytes = ag_buf_span(&b);
    if (ag_json_parse(&bytes, AG_JSON_DEPTH_MAX, &v) != 0)
        return; /* cannot be: its part is a whole JSON value */
    text_read(&out, bytes, &v);
    if (r->status_for_all)
        commands_route(r, now_ms, upstream, 0, &out);
    else
        tell_newcomers(r, now_ms, upstream, &out);
}

bool status_take(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    if (!r->has_status_id || !t->has_id || t->id != r->status_id || (t->has_method && text_family(t->method) != FAMILY_LOCAL))
        return false;
    r->has_status_id = false;
    if (t->has_method && ag_span_eq(t->method, "local.status") && ag_view_has(t->view, AG_M_PARAMS))
        tell(r, now_ms, upstream, t);
    else
        r->stats.unknown_answers++;
    ag_list_for_each (it, &r->peers)
        ag_list_entry(it, struct peer, all)->wants_status = false;
    return true;
}
