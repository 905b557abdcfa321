#include "agent/core/route/requests.h"

#include <errno.h>
#include "agent/core/route/commands.h"
#include "agent/core/route/status.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/codes.h"
#include "agent/core/state/rights.h"

void up_refuse(struct router *r, struct peer *from, const struct text *t)
{
    r->stats.invalid_texts++;
    if (t->has_method || !ag_view_has(t->view, AG_M_RESULT))
        out_error(r, from, text_raw_id(t), CODE_INVALID_REQUEST, t->bad, NULL);
}

void up_fail(struct router *r, struct request *q, int code, const char *message)
{
    uint8_t bits = q->watched & r->monitoring;
    struct peer *p = q->peer;
    uint32_t id = q->old_id;

    request_remove(&r->requests, q);
    out_error_id(r, p, id, code, message, NULL);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, p, id, code, message, NULL);
}

static void tell(struct router *r, uint64_t now_ms, uint8_t bits, const char *kind, const struct peer *from,
                 const struct text *t, bool sent)
{
    if (!bits)
        return;
    if (sent)
        monitor_note_to(r, r->upstream);
    monitor_tell(r, now_ms, bits, kind, from, t->bytes);
}

/* The answer of the agent itself to a request that does not go up. */
static void refuse_request(struct router *r, uint8_t bits, struct peer *from, const struct text *t, int code,
                           const char *message)
{
    out_error_id(r, from, t->id, code, message, NULL);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, from, t->id, code, message, NULL);
}

/* What does not go up is seen by monitors all the same, and then why. Apart, so that the usual way stays short. */
static __attribute__((noinline)) void turn_back(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t, uint8_t bits,
                      int code, const char *message)
{
    tell(r, now_ms, bits, t->has_id ? "request" : "report", from, t, false);
    if (t->has_id)
        refuse_request(r, bits, from, t, code, message);
}

static void route_request(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t,
                          uint8_t bits)
{
    struct request *q;
    int e;

    if (from->n_requests >= r->limits.requests_per_peer ||
        (r->requests.n >= r->limits.requests && (from->half_closed || !router_make_room(r)))) {
        r->stats.requests_over_limit++;
        turn_back(r, now_ms, from, t, bits, CODE_BUSY, "too many requests open");
        return;
    }
    e = request_add(&r->requests, from, t->id, now_ms + r->limits.request_timeout_ms, &q);
    if (e == 0) {
        q->family = (uint8_t) text_family(t->method);
        if (q->family == FAMILY_INTERNAL)
            status_introduce(r);
        q->watched = bits;
        e = out_with_id(r, r->upstream, OUT_MESSAGE, t->bytes, t->view, q->id);
        if (e != 0)
            request_remove(&r->requests, q);
    } else {
        r->stats.out_of_memory++;
    }
    tell(r, now_ms, bits, "request", from, t, e == 0);
    if (e == 0) {
        r->stats.requests++;
        return;
    }
    r->stats.upstream_busy++;
    refuse_request(r, bits, from, t, CODE_BUSY, e == -ENOMEM ? "out of memory" : "upstream busy");
}

static void route_report(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t,
                         uint8_t bits)
{
    int e;

    if (text_family(t->method) == FAMILY_INTERNAL)
        status_introduce(r);
    e = out_text(r, r->upstream, OUT_MESSAGE, t->bytes);
    if (e == 0)
        r->stats.reports++;
    else
        r->stats.reports_upstream_busy++;
    tell(r, now_ms, bits, "report", from, t, e == 0);
}

static bool upstream_is_up(const struct router *r)
{
    return r->upstream && peer_is_open(r->upstream);
}

/* Everything but the usual: it may not go up, or cannot. */
static __attribute__((noinline)) void route_back(struct router *r, uint64_t now_ms, struct peer *from,
                                                 const struct text *t, uint8_t bits)
{
    if (!rights_call(r, from, t)) {
        r->stats.not_permitted++;
        turn_back(r, now_ms, from, t, bits, CODE_NOT_PERMITTED, "not permitted");
    } else if (r->shutting_down) {
        r->stats.shutdown_answers++;
        turn_back(r, now_ms, from, t, bits, CODE_SHUTTING_DOWN, "shutting down");
    } else {
        if (t->has_id)
            r->stats.not_connected++;
        else
            r->stats.reports_not_connected++;
        turn_back(r, now_ms, from, t, bits, CODE_NOT_CONNECTED, "not connected");
    }
}

static void route_up(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;

    if (!rights_call(r, from, t) || r->shutting_down || !upstream_is_up(r))
        route_back(r, now_ms, from, t, bits);
    else if (t->has_id)
        route_request(r, now_ms, from, t, bits);
    else
        route_report(r, now_ms, from, t, bits);
}

void up_handle(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    if (t->bad)
        up_refuse(r, from, t);
    else if (t->has_method)
        route_up(r, now_ms, from, t);
    else
        down_answer(r, now_ms, from, t);
}
