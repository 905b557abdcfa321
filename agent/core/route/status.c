#include "agent/core/route/status.h"

#include <inttypes.h>
#include <stdio.h>
#include "agent/core/route/commands.h"
#include "agent/core/send/out.h"

static void ask(struct router *r)
{
    char text[80];
    int n;

    r->introduced = true;
    r->status_id = request_draw_id(&r->requests);
    n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"local.query_status\",\"params\":\"\"}", r->status_id);
    r->has_status_id = out_text(r, r->upstream, OUT_MESSAGE, (struct ag_span){text, (size_t) n}) == 0;
}

void status_ask(struct router *r)
{
    r->has_status_id = r->introduced = false;
    if (sub_match(&r->subs, AG_SPAN("local.status")))
        ask(r);
}

void status_introduce(struct router *r)
{
    if (!r->introduced)
        ask(r);
}

static int print_broadcast(struct ag_buf *b, const struct text *t)
{
    int e = ag_buf_append_str(b, "{\"method\":\"local.status\",\"params\":");

    if (e == 0)
        e = ag_buf_append_span(b, ag_view_raw(t->view, t->bytes.p, AG_M_PARAMS));
    return e < 0 ? e : ag_buf_append_char(b, '}');
}

static void broadcast(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view v;
    struct ag_span bytes;
    struct text out;

    if (print_broadcast(&b, t) < 0) {
        r->stats.out_of_memory++;
        return;
    }
    bytes = ag_buf_span(&b);
    if (ag_json_parse(&bytes, AG_JSON_DEPTH_MAX, &v) != 0)
        return; /* cannot be: its part is a whole JSON value */
    text_read(&out, bytes, &v);
    commands_route(r, now_ms, upstream, 0, &out);
}

bool status_take(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    if (!r->has_status_id || !t->has_id || t->id != r->status_id ||
        (t->has_method && text_family(t->method) != FAMILY_LOCAL))
        return false;
    r->has_status_id = false;
    if (t->has_method && ag_span_eq(t->method, "local.status") && ag_view_has(t->view, AG_M_PARAMS))
        broadcast(r, now_ms, upstream, t);
    else
        r->stats.unknown_answers++;
    return true;
}
