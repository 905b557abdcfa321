/* SPDX-License-Identifier: MIT */
#include "agent/core/route/dispatch.h"

#include "agent/core/route/address.h"
#include "agent/core/route/commands.h"
#include "agent/core/route/control.h"
#include "agent/core/route/introspect.h"
#include "agent/core/route/requests.h"
#include "agent/core/route/status.h"
#include "agent/core/send/out.h"
#include "libagent/core/codes.h"

static void refuse_bad_command(struct router *r, struct peer *upstream, const struct text *t)
{
    r->stats.invalid_texts++;
    if (t->has_method && ag_view_has(t->view, AG_M_ID))
        out_error(r, upstream, text_raw_id(t), AG_CODE_INVALID_REQUEST, t->bad, NULL);
}

void dispatch_from_upstream(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    struct request *q;

    if (t->bad) {
        refuse_bad_command(r, upstream, t);
        return;
    }
    if (r->has_status_id && status_take(r, now_ms, upstream, t))
        return;
    if (t->has_method) {
        q = requests_answered_by_method(r, t);
        if (q)
            requests_answer(r, now_ms, upstream, q, t);
        else
            commands_route(r, now_ms, upstream, t->id, t);
        return;
    }
    q = t->has_id ? request_find(&r->requests, t->id) : NULL;
    if (q)
        requests_answer(r, now_ms, upstream, q, t);
    else
        r->stats.unknown_answers++;
}

/* A text that cannot be routed: answered when it wants an answer. */
static void refuse_bad_text(struct router *r, struct peer *from, const struct text *t)
{
    r->stats.invalid_texts++;
    if (t->has_method || !ag_view_has(t->view, AG_M_RESULT))
        out_error(r, from, text_raw_id(t), AG_CODE_INVALID_REQUEST, t->bad, NULL);
}

void dispatch_from_app(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    if (ag_view_has(t->view, AG_M_TO))
        address_route(r, now_ms, from, t);
    else if (t->bad)
        refuse_bad_text(r, from, t);
    else if (!t->has_method)
        commands_answer(r, now_ms, from, t);
    else if (control_is_ours(t->method))
        control_handle(r, from, t);
    else if (introspect_is_ours(t->method))
        introspect_handle(r, from, t);
    else
        requests_route(r, now_ms, from, t);
}
