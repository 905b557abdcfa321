/* SPDX-License-Identifier: MIT */
#include "agent/core/route/requests.h"

#include <errno.h>
#include "agent/core/route/status.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"

void requests_fail(struct router *r, struct request *q, int code, const char *message)
{
    uint8_t bits = q->watched & r->monitoring;
    struct peer *p = q->peer;
    uint32_t id = q->old_id;

    request_remove(&r->requests, q);
    out_error_id(r, p, id, code, message, NULL);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, p, id, code, message, NULL);
}

static void tell(struct router *r, uint64_t now_ms, uint8_t bits, const char *kind, const struct peer *from, const struct text *t,
                 bool sent)
{
    if (!bits)
        return;
    if (sent)
        monitor_note_to(r, r->upstream);
    monitor_tell(r, now_ms, bits, kind, from, t->bytes);
}

/* The answer of the agent itself to a request that does not go up. */
static void refuse_request(struct router *r, uint8_t bits, struct peer *from, const struct text *t, int code, const char *message)
{
    out_error_id(r, from, t->id, code, message, NULL);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, from, t->id, code, message, NULL);
}

/* Monitors also see what does not go up, and why not. A function of its own, so that the usual way stays short. */
static __attribute__((noinline)) void turn_back(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t,
                                                uint8_t bits, int code, const char *message)
{
    tell(r, now_ms, bits, t->has_id ? "request" : "report", from, t, false);
    if (t->has_id)
        refuse_request(r, bits, from, t, code, message);
}

void requests_orphan(struct router *r, struct peer *p)
{
    while (!ag_list_empty(&p->requests)) {
        request_remove(&r->requests, ag_list_first(&p->requests, struct request, by_peer));
        r->stats.orphaned_requests++;
    }
}

bool requests_make_room(struct router *r)
{
    ag_list_for_each (it, &r->gone) {
        struct peer *p = ag_list_entry(it, struct peer, half);

        if (p->n_requests > 0 && peer_is_open(p)) {
            requests_orphan(r, p);
            out_end(r, p, PEER_END_GONE);
            r->stats.half_closed_dropped++;
            return true;
        }
    }
    return false;
}

static void route_request(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t, uint8_t bits)
{
    struct request *q;
    int e;

    if (from->n_requests >= r->limits.requests_per_peer ||
        (r->requests.n >= r->limits.requests && (from->half_closed || !requests_make_room(r)))) {
        r->stats.requests_over_limit++;
        turn_back(r, now_ms, from, t, bits, AG_CODE_BUSY, "too many requests open");
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
    refuse_request(r, bits, from, t, AG_CODE_BUSY, e == -ENOMEM ? "out of memory" : "upstream busy");
}

static void route_report(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t, uint8_t bits)
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

/* The unusual cases: it may not go up, or cannot. */
static __attribute__((noinline)) void route_back(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t,
                                                 uint8_t bits)
{
    if (!rights_call(r, from, t)) {
        r->stats.not_permitted++;
        turn_back(r, now_ms, from, t, bits, AG_CODE_NOT_PERMITTED, "not permitted");
    } else if (r->shutting_down) {
        r->stats.shutdown_answers++;
        turn_back(r, now_ms, from, t, bits, AG_CODE_SHUTTING_DOWN, "shutting down");
    } else {
        if (t->has_id)
            r->stats.not_connected++;
        else
            r->stats.reports_not_connected++;
        turn_back(r, now_ms, from, t, bits, AG_CODE_NOT_CONNECTED, "not connected");
    }
}

void requests_route(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;

    if (!rights_call(r, from, t) || r->shutting_down || !upstream_is_up(r))
        route_back(r, now_ms, from, t, bits);
    else if (t->has_id)
        route_request(r, now_ms, from, t, bits);
    else
        route_report(r, now_ms, from, t, bits);
}

void requests_answer(struct router *r, uint64_t now_ms, struct peer *upstream, struct request *q, const struct text *t)
{
    struct peer *p = q->peer;
    uint8_t bits = q->watched & r->monitoring;
    uint32_t old_id = q->old_id;

    request_remove(&r->requests, q);
    if (out_with_id(r, p, OUT_ANSWER, t->bytes, t->view, old_id) == 0)
        r->stats.request_answers++;
    else
        r->stats.request_answers_lost++;
    if (bits) {
        monitor_note_to(r, p);
        monitor_note_id(r, old_id);
        monitor_tell(r, now_ms, bits, "answer", upstream, t->bytes);
    }
}

struct request *requests_answered_by_method(const struct router *r, const struct text *t)
{
    enum family family = t->has_id ? text_family(t->method) : FAMILY_NONE;
    struct request *q = family != FAMILY_NONE ? request_find(&r->requests, t->id) : NULL;

    return q && q->family == family ? q : NULL;
}

void requests_disconnected(struct router *r)
{
    while (request_first(&r->requests)) {
        r->stats.not_connected++;
        r->stats.requests_cut++;
        requests_fail(r, request_first(&r->requests), AG_CODE_NOT_CONNECTED, "not connected");
    }
}

void requests_expire(struct router *r, uint64_t now_ms)
{
    struct request *q;

    while ((q = request_first(&r->requests)) && q->deadline.at_ms <= now_ms) {
        r->stats.request_timeouts++;
        requests_fail(r, q, AG_CODE_NO_ACK, "OT server noack");
    }
}

uint64_t requests_deadline(const struct router *r)
{
    return ag_deadline_next_ms(&r->requests.by_deadline);
}

void requests_shutdown(struct router *r)
{
    while (request_first(&r->requests)) {
        r->stats.shutdown_answers++;
        requests_fail(r, request_first(&r->requests), AG_CODE_SHUTTING_DOWN, "shutting down");
    }
}
