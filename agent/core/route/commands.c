/* SPDX-License-Identifier: MIT */
#include "agent/core/route/commands.h"

#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"

/* An answer of the agent's own, which monitors of the command see too. */
static void answer_error(struct router *r, uint8_t bits, struct peer *origin, uint32_t origin_id, int code, const char *message,
                         const char *data)
{
    out_error_id(r, origin, origin_id, code, message, data);
    if (bits)
        monitor_tell_own(r, r->now_ms, bits, origin, origin_id, code, message, data);
}

void commands_fail(struct router *r, struct command *c, int code, const char *message, const char *data)
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
static void spread_to(struct router *r, struct sub *s, const struct text *t, struct command *c, bool watched, struct spread *d)
{
    bool is_state_word = !c && text_family(t->method) == FAMILY_LOCAL;
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
    if (out_text(r, p, is_state_word ? OUT_NEWS : OUT_MESSAGE, t->bytes) != 0) {
        if (c)
            command_unask(&r->commands, ag_list_entry(c->asks.prev, struct ask, by_command));
        d->busy = true;
        return;
    }
    d->reached++;
    if (watched)
        monitor_note_to(r, p);
}

static struct spread spread(struct router *r, struct sub_key *k, const struct text *t, struct command *c, bool watched)
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
    int code = d->busy ? AG_CODE_BUSY : d->denied ? AG_CODE_NOT_PERMITTED : AG_CODE_NOT_FOUND;
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

static struct spread command_spread(struct router *r, uint64_t came_ms, struct peer *origin, uint32_t origin_id,
                                    const struct text *t, struct sub_key *k, uint8_t bits)
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

/* Its last subscriber may have left a moment ago and may come back. False: nobody is waited for. */
static bool wait_for_subscriber(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id, const struct text *t)
{
    uint32_t wait_ms = r->limits.command_grace_ms;

    if (wait_ms > r->limits.command_timeout_ms)
        wait_ms = r->limits.command_timeout_ms;
    if (!grace_take(&r->grace, now_ms, wait_ms, origin, origin_id, t->method, t->bytes))
        return false;
    r->stats.commands_waited++;
    return true;
}

void commands_route(struct router *r, uint64_t now_ms, struct peer *origin, uint32_t origin_id, const struct text *t)
{
    uint8_t bits = r->monitoring ? monitor_match(r, t->method) : 0;
    struct sub_key *k;
    struct spread d = {0};

    if (r->grace.ready)
        commands_release(r, now_ms);
    k = sub_match(&r->subs, t->method);
    if (r->shutting_down) {
        r->stats.shutdown_answers++;
        if (bits)
            monitor_tell(r, now_ms, bits, "command", origin, t->bytes);
        if (t->has_id)
            answer_error(r, bits, origin, origin_id, AG_CODE_SHUTTING_DOWN, "shutting down", NULL);
        return;
    }
    if (k)
        d = command_spread(r, now_ms - r->grace.age_ms, origin, origin_id, t, k, bits);
    if (d.reached > 0) {
        r->stats.commands++;
        r->stats.commands_without_id += !t->has_id;
        r->stats.deliveries += d.reached;
    } else if (!d.denied && !d.busy && t->has_id && wait_for_subscriber(r, now_ms, origin, origin_id, t)) {
        return;
    }
    if (bits)
        monitor_tell(r, now_ms, bits, "command", origin, t->bytes);
    if (d.reached == 0)
        refuse(r, bits, origin, origin_id, t, &d);
}

/* Hands the answer to the asker. false: upstream cannot take it and is to get an error instead, which is much shorter. */
static bool pass_answer(struct router *r, struct peer *origin, uint32_t origin_id, uint32_t id, const struct text *t)
{
    enum out_kind kind = origin->role == PEER_UPSTREAM ? OUT_MESSAGE : OUT_ANSWER;
    int e = id == origin_id ? out_text(r, origin, kind, t->bytes) : out_with_id(r, origin, kind, t->bytes, t->view, origin_id);

    if (e == 0) {
        r->stats.command_answers++;
    } else if (kind == OUT_MESSAGE) {
        r->stats.answers_upstream_busy++;
    } else {
        r->stats.command_answers_lost++;
    }
    return e == 0 || kind != OUT_MESSAGE;
}

void commands_answer(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
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
        answer_error(r, bits, origin, origin_id, AG_CODE_BUSY, "upstream busy", NULL);
}

void commands_unask(struct router *r, struct peer *p)
{
    while (!ag_list_empty(&p->asks)) {
        struct ask *a = ag_list_first(&p->asks, struct ask, by_peer);
        struct command *c = a->command;

        command_unask(&r->commands, a);
        if (ag_list_empty(&c->asks)) {
            r->stats.subscriber_gone++;
            commands_fail(r, c, AG_CODE_ACK_TIMEOUT, "user ack timeout", "subscriber gone");
        }
    }
}

static void orphan(struct router *r, struct command *c)
{
    command_remove(&r->commands, c);
    r->stats.orphaned_commands++;
}

void commands_orphan(struct router *r, struct peer *origin)
{
    unsigned n_waiting = grace_forget(&r->grace, origin);
    struct ag_list *it, *next;

    r->stats.orphaned_commands += n_waiting;
    r->stats.commands_waited_orphaned += n_waiting;
    while (!ag_list_empty(&origin->calls))
        orphan(r, ag_list_first(&origin->calls, struct command, by_origin));
    if (origin->role != PEER_UPSTREAM)
        return;
    for (it = r->commands.by_deadline.next; it != &r->commands.by_deadline; it = next) {
        struct command *c = ag_list_entry(it, struct command, deadline.link);

        next = it->next;
        if (c->origin == origin)
            orphan(r, c);
    }
}

/* ---- those that wait for a subscriber ---- */

static void waiting_read(const struct grace_command *c, struct text *t, struct ag_json_view *v)
{
    struct ag_span bytes = {c->bytes, c->len};

    ag_json_parse(&bytes, AG_JSON_DEPTH_MAX, v);
    text_read(t, bytes, v);
}

/* Sends it down as if it came now; when nobody is there it is refused. */
static void waiting_send(struct router *r, struct grace_command *c, uint64_t now_ms, const struct text *t)
{
    struct grace *g = &r->grace;

    g->trying = true;
    g->age_ms = now_ms - c->came_ms;
    commands_route(r, now_ms, c->origin, c->origin_id, t);
    g->age_ms = 0;
    g->trying = false;
    grace_drop(g, c);
}

void commands_release(struct router *r, uint64_t now_ms)
{
    struct grace *g = &r->grace;
    struct ag_list *it, *next;

    g->ready = false;
    for (it = g->commands.next; it != &g->commands; it = next) {
        struct grace_command *c = ag_list_entry(it, struct grace_command, link);
        struct ag_json_view v;
        struct text t;

        next = it->next;
        waiting_read(c, &t, &v);
        if (!sub_match(&r->subs, t.method))
            continue;
        r->stats.commands_waited_served++;
        waiting_send(r, c, now_ms, &t);
    }
}

/* Ends the wait of all whose time is up by until_ms. */
static void waiting_end(struct router *r, uint64_t now_ms, uint64_t until_ms)
{
    struct grace_command *c;

    while ((c = grace_first(&r->grace)) && c->until_ms <= until_ms) {
        struct ag_json_view v;
        struct text t;

        waiting_read(c, &t, &v);
        waiting_send(r, c, now_ms, &t);
    }
}

/* ---- deadlines ---- */

void commands_expire(struct router *r, uint64_t now_ms)
{
    struct command *c;

    if (r->grace.ready)
        commands_release(r, now_ms);
    waiting_end(r, now_ms, now_ms);
    while ((c = command_first(&r->commands)) && c->deadline.at_ms <= now_ms) {
        r->stats.command_timeouts++;
        ag_list_for_each (it, &c->asks)
            ag_list_entry(it, struct ask, by_command)->peer->n_unanswered++;
        commands_fail(r, c, AG_CODE_ACK_TIMEOUT, "user ack timeout", NULL);
    }
}

uint64_t commands_deadline(const struct router *r)
{
    const struct grace_command *waiting = grace_first(&r->grace);
    uint64_t at = ag_deadline_next_ms(&r->commands.by_deadline);

    return waiting ? ag_earlier(at, waiting->until_ms) : at;
}

void commands_shutdown(struct router *r, uint64_t now_ms)
{
    r->grace.ready = false;
    waiting_end(r, now_ms, AG_NEVER);
    while (command_first(&r->commands)) {
        r->stats.shutdown_answers++;
        commands_fail(r, command_first(&r->commands), AG_CODE_SHUTTING_DOWN, "shutting down", NULL);
    }
}
