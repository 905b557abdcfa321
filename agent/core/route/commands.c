#include "agent/core/route/commands.h"

#include <errno.h>
#include "agent/core/route/requests.h"
#include "agent/core/route/status.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/codes.h"

/* An answer of the agent's own, which monitors of the command see too. */
static void answer_error(struct router *r, uint8_t bits, struct peer *origin, uint32_t origin_id, int code,
                         const char *message, const char *data)
{
    out_error_id(r, origin, origin_id, code, message, data);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, origin, origin_id, code, message, data);
}

void down_fail(struct router *r, struct command *c, int code, const char *message, const char *data)
{
    uint8_t bits = c->watched & r->monitoring;
    struct peer *origin = c->origin;
    uint32_t id = c->origin_id;

    command_remove(&r->commands, c);
    answer_error(r, bits, origin, id, code, message, data);
}

/* What became of a command on the way to its subscribers. */
struct spread {
    unsigned reached;
    bool denied, busy;
};

/* An exclusive or standby subscriber that waits is not asked. */
static void spread_to(struct router *r, struct sub *s, const struct text *t, struct command *c, bool watched,
                      struct spread *d)
{
    struct peer *p = s->peer;

    if (s->denied) {
        d->denied = true;
        return;
    }
    if (c && p->n_asks >= r->limits.commands_per_peer) {
        d->busy = true;
        return;
    }
    if (c && command_ask(&r->commands, c, p) < 0) {
        r->stats.out_of_memory++;
        d->busy = true;
        return;
    }
    if (out_text(r, p, OUT_MESSAGE, t->bytes) != 0) {
        if (c)
            command_unask(&r->commands, ag_list_entry(c->asks.prev, struct ask, by_command));
        d->busy = true;
        return;
    }
    d->reached++;
    if (watched)
        monitor_note_to(r, p);
}

static struct spread spread(struct router *r, struct sub_key *k, const struct text *t, struct command *c,
                            bool watched)
{
    struct spread d = {0};

    ag_list_for_each (it, &k->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_key);

        if (s->active && peer_is_open(s->peer))
            spread_to(r, s, t, c, watched, &d);
    }
    return d;
}

static void count_unserved(struct router *r, const struct text *t)
{
    r->stats.not_found++;
    unserved_note(&r->unserved, t->method, r->now_ms);
}

/* The answer for a command that reached nobody. */
static void refuse(struct router *r, uint8_t bits, struct peer *origin, uint32_t origin_id, const struct text *t,
                   const struct spread *d)
{
    int code = d->busy ? CODE_BUSY : d->denied ? CODE_NOT_PERMITTED : CODE_NOT_FOUND;
    const char *message = d->busy ? "subscriber busy" : d->denied ? "not permitted" : "Method not found.";

    if (d->busy)
        r->stats.subscriber_busy++;
    else if (d->denied)
        r->stats.not_permitted++;
    else if (t->has_id)
        count_unserved(r, t);
    else
        r->stats.not_found_without_id++;
    if (t->has_id)
        answer_error(r, bits, origin, origin_id, code, message, NULL);
}

static struct spread command_spread(struct router *r, uint64_t came_ms, struct peer *origin,
                                    uint32_t origin_id, const struct text *t, struct sub_key *k, uint8_t bits)
{
    struct command *c = NULL;
    struct spread d;

    if (t->has_id) {
        if (r->commands.n >= r->limits.commands) {
            r->stats.commands_over_limit++;
            return (struct spread){.busy = true};
        }
        if (command_add(&r->commands, origin, t->id, came_ms + r->limits.command_timeout_ms, &c) < 0) {
            r->stats.out_of_memory++;
            return (struct spread){.busy = true};
        }
        c->origin_id = origin_id;
        c->watched = bits;
    }
    d = spread(r, k, t, c, bits);
    if (c && d.reached == 0)
        command_remove(&r->commands, c);
    return d;
}

void down_command(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id,
                  const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;
    struct sub_key *k;
    struct spread d = {0};

    if (r->grace.ready)
        grace_release(r, now_ms);
    k = sub_match(&r->subs, t->method);
    if (r->shutting_down) {
        r->stats.shutdown_answers++;
        if (bits)
            monitor_tell(r, now_ms, bits, "command", origin, t->bytes);
        if (t->has_id)
            answer_error(r, bits, origin, origin_id, CODE_SHUTTING_DOWN, "shutting down", NULL);
        return;
    }
    if (k)
        d = command_spread(r, now_ms - r->grace.age_ms, origin, origin_id, t, k, bits);
    if (d.reached > 0) {
        r->stats.commands++;
        r->stats.commands_without_id += !t->has_id;
        r->stats.deliveries += d.reached;
    } else if (!d.denied && !d.busy && grace_take(r, now_ms, origin, origin_id, t)) {
        return;
    }
    if (bits)
        monitor_tell(r, now_ms, bits, "command", origin, t->bytes);
    if (d.reached == 0)
        refuse(r, bits, origin, origin_id, t, &d);
}

/* Hands the answer to the asker. false: upstream cannot take it and is to get an error instead, which is much shorter. */
static bool pass_answer(struct router *r, struct peer *origin, uint32_t origin_id, uint32_t id,
                        const struct text *t)
{
    enum out_kind kind = origin->role == PEER_UPSTREAM ? OUT_MESSAGE : OUT_ANSWER;
    int e = id == origin_id ? out_text(r, origin, kind, t->bytes)
                            : out_with_id(r, origin, kind, t->bytes, t->view, origin_id);

    if (e == 0) {
        r->stats.command_answers++;
    } else if (kind == OUT_MESSAGE) {
        r->stats.answers_upstream_busy++;
    }
    return e == 0 || kind != OUT_MESSAGE;
}

void down_answer(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    struct command *c = t->has_id ? command_find(&r->commands, t->id, from) : NULL;
    struct peer *origin;
    uint32_t origin_id;
    uint8_t bits;
    bool passed;

    if (!c) {
        r->stats.unasked_replies++;
        return;
    }
    origin = c->origin;
    origin_id = c->origin_id;
    bits = c->watched & r->monitoring;
    command_remove(&r->commands, c);
    passed = pass_answer(r, origin, origin_id, t->id, t);
    if (bits) {
        if (passed)
            monitor_note_to(r, origin);
        monitor_tell(r, now_ms, bits, "answer", from, t->bytes);
    }
    if (!passed)
        answer_error(r, bits, origin, origin_id, CODE_BUSY, "upstream busy", NULL);
}

/* Upstream's answer to a request, with or without a method. */
static void request_answer(struct router *r, uint64_t now_ms, struct peer *upstream, struct request *q,
                           const struct text *t)
{
    struct peer *p = q->peer;
    uint8_t bits = q->watched & r->monitoring;
    uint32_t old_id = q->old_id;

    request_remove(&r->requests, q);
    if (out_with_id(r, p, OUT_ANSWER, t->bytes, t->view, old_id) == 0)
        r->stats.request_answers++;
    if (bits) {
        monitor_note_to(r, p);
        monitor_note_id(r, old_id);
        monitor_tell(r, now_ms, bits, "answer", upstream, t->bytes);
    }
}

/* local.query_time is answered by local.time: such a text with an open id is no command. */
static struct request *answered_by_method(const struct router *r, const struct text *t)
{
    enum family family = t->has_id ? text_family(t->method) : FAMILY_NONE;
    struct request *q = family != FAMILY_NONE ? request_find(&r->requests, t->id) : NULL;

    return q && q->family == family ? q : NULL;
}

static void refuse_bad(struct router *r, struct peer *upstream, const struct text *t)
{
    r->stats.invalid_texts++;
    if (t->has_method && ag_view_has(t->view, AG_M_ID))
        out_error(r, upstream, text_raw_id(t), CODE_INVALID_REQUEST, t->bad, NULL);
}

void down_handle(struct router *r, uint64_t now_ms, struct peer *upstream, const struct text *t)
{
    struct request *q;

    if (t->bad) {
        refuse_bad(r, upstream, t);
        return;
    }
    if (r->has_status_id && status_take(r, now_ms, upstream, t))
        return;
    if (t->has_method) {
        q = answered_by_method(r, t);
        if (q)
            request_answer(r, now_ms, upstream, q, t);
        else
            down_command(r, now_ms, upstream, t->id, t);
        return;
    }
    q = t->has_id ? request_find(&r->requests, t->id) : NULL;
    if (q)
        request_answer(r, now_ms, upstream, q, t);
    else
        r->stats.unknown_answers++;
}
