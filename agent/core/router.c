#include "agent/core/router.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core/route/address.h"
#include "agent/core/route/commands.h"
#include "agent/core/route/control.h"
#include "agent/core/route/introspect.h"
#include "agent/core/route/requests.h"
#include "agent/core/route/standby.h"
#include "agent/core/route/status.h"
#include "agent/core/send/monitor.h"
#include "agent/core/send/out.h"
#include "agent/core/state/codes.h"
#include "agent/core/state/rights.h"
#include "agent/core/state/text.h"
#include "libagent/core/pack/pack.h"

enum { SCRATCH_KEEP = 64 * 1024 };

int router_init(struct router *r, uint64_t now_ms, uint64_t seed, uint32_t own_uid)
{
    int e;

    *r = (struct router){
        .limits = LIMITS_DEFAULT, .start_ms = now_ms, .next_call_id = (uint32_t) (seed >> 32)};
    ag_list_init(&r->peers);
    ag_list_init(&r->gone);
    ag_list_init(&r->work);
    grace_init(&r->grace);
    ag_access_init(&r->access, own_uid);
    e = sub_table_init(&r->subs);
    if (e < 0)
        return e;
    e = request_table_init(&r->requests, (uint32_t) seed);
    if (e == 0) {
        e = command_table_init(&r->commands);
        if (e == 0) {
            router_reconfigure(r);
            return 0;
        }
        request_table_deinit(&r->requests);
    }
    sub_table_deinit(&r->subs);
    return e;
}

void router_deinit(struct router *r)
{
    assert(ag_list_empty(&r->peers) && !r->upstream && r->queued == 0 && r->held == 0);
    sub_table_deinit(&r->subs);
    request_table_deinit(&r->requests);
    command_table_deinit(&r->commands);
    grace_deinit(&r->grace);
    ag_access_deinit(&r->access);
    ag_buf_deinit(&r->scratch);
    ag_buf_deinit(&r->scratch_in);
    ag_buf_deinit(&r->event);
    ag_buf_deinit(&r->event_to);
    while (r->n_spare > 0)
        ag_buf_deinit(&r->spare[--r->n_spare]);
}

void router_reconfigure(struct router *r)
{
    r->subs.max_len = r->limits.key_len;
    r->subs.max_per_peer = r->limits.keys_per_peer;
    r->subs.max_subs = r->limits.keys;
    ag_list_for_each (it, &r->peers)
        rights_review(r, ag_list_entry(it, struct peer, all));
}

void router_peer_add(struct router *r, uint64_t now_ms, struct peer *p, enum peer_role role)
{
    p->id = ++r->last_peer_id;
    p->role = (uint8_t) role;
    p->since_ms = now_ms;
    ag_list_init(&p->all);
    ag_list_init(&p->half);
    ag_list_init(&p->work);
    ag_list_init(&p->subs);
    ag_list_init(&p->requests);
    ag_list_init(&p->asks);
    ag_list_init(&p->calls);
    if (role == PEER_UPSTREAM) {
        assert(!r->upstream);
        r->upstream = p;
        status_ask(r);
    } else {
        ag_list_append(&r->peers, &p->all);
        r->n_peers++;
    }
}

/* Commands that this peer was asked lose one who could answer; the last one ends the command. */
static void drop_asks(struct router *r, struct peer *p)
{
    while (!ag_list_empty(&p->asks)) {
        struct ask *a = ag_list_first(&p->asks, struct ask, by_peer);
        struct command *c = a->command;

        command_unask(&r->commands, a);
        if (ag_list_empty(&c->asks)) {
            r->stats.subscriber_gone++;
            down_fail(r, c, CODE_ACK_TIMEOUT, "user ack timeout", "subscriber gone");
        }
    }
}

static void drop_requests(struct router *r, struct peer *p)
{
    while (!ag_list_empty(&p->requests)) {
        request_remove(&r->requests, ag_list_first(&p->requests, struct request, by_peer));
        r->stats.orphaned_requests++;
    }
}

static void drop_calls(struct router *r, struct peer *p)
{
    r->stats.orphaned_commands += grace_forget(&r->grace, p);
    while (!ag_list_empty(&p->calls)) {
        command_remove(&r->commands, ag_list_first(&p->calls, struct command, by_origin));
        r->stats.orphaned_commands++;
    }
}

/* It gets and sees nothing any more. */
static void drop_subs(struct router *r, uint64_t now_ms, struct peer *p)
{
    monitor_stop(r, p);
    address_release(r, p);
    grace_note(r, now_ms, p);
    sub_remove_all(&r->subs, p);
    standby_tell(r);
}

static void app_gone(struct router *r, uint64_t now_ms, struct peer *p)
{
    drop_subs(r, now_ms, p);
    drop_requests(r, p);
    drop_calls(r, p);
    drop_asks(r, p);
    ag_list_del(&p->half);
    ag_list_del(&p->all);
    r->n_peers--;
}

/* Whoever waits for upstream is told; what upstream waited for is forgotten. */
static void upstream_gone(struct router *r, const struct peer *p)
{
    struct ag_list *it, *next;

    r->upstream = NULL;
    r->has_status_id = false;
    r->stats.orphaned_commands += grace_forget(&r->grace, p);
    while (request_first(&r->requests)) {
        r->stats.not_connected++;
        up_fail(r, request_first(&r->requests), CODE_NOT_CONNECTED, "not connected");
    }
    for (it = r->commands.by_deadline.next; it != &r->commands.by_deadline; it = next) {
        struct command *c = ag_list_entry(it, struct command, by_deadline);

        next = it->next;
        if (c->origin->role == PEER_UPSTREAM) {
            command_remove(&r->commands, c);
            r->stats.orphaned_commands++;
        }
    }
}

void router_peer_gone(struct router *r, uint64_t now_ms, struct peer *p)
{
    r->now_ms = now_ms;
    p->shut = true;
    out_end(r, p, PEER_END_QUEUE);
    ag_list_del(&p->work);
    if (p->role == PEER_UPSTREAM)
        upstream_gone(r, p);
    else
        app_gone(r, now_ms, p);
    r->queued -= ag_buf_size(&p->out);
    ag_buf_deinit(&p->out);
    router_held(r, p, 0);
    free(p->cred.gids);
    p->cred = (struct ag_cred){0};
}

void router_peer_half_closed(struct router *r, uint64_t now_ms, struct peer *p)
{
    r->now_ms = now_ms;
    p->half_closed = true;
    ag_list_append(&r->gone, &p->half);
    drop_subs(r, now_ms, p);
    drop_asks(r, p);
}

struct peer *router_first_half_closed(const struct router *r)
{
    return ag_list_first(&r->gone, struct peer, half);
}

bool router_make_room(struct router *r)
{
    ag_list_for_each (it, &r->gone) {
        struct peer *p = ag_list_entry(it, struct peer, half);

        if (p->n_requests > 0 && peer_is_open(p)) {
            drop_requests(r, p);
            out_end(r, p, PEER_END_GONE);
            r->stats.half_closed_dropped++;
            return true;
        }
    }
    return false;
}

bool router_peer_is_done(const struct peer *p)
{
    return p->half_closed && p->n_requests == 0 && ag_list_empty(&p->calls) && ag_buf_size(&p->out) == 0 &&
           p->n_waiting == 0;
}

static void app_handle(struct router *r, uint64_t now_ms, struct peer *from, const struct text *t)
{
    if (ag_view_has(t->view, AG_M_TO))
        address_route(r, now_ms, from, t);
    else if (t->has_method && !t->bad && control_is_ours(t->method))
        control_handle(r, from, t);
    else if (t->has_method && !t->bad && introspect_is_ours(t->method))
        introspect_handle(r, now_ms, from, t);
    else
        up_handle(r, now_ms, from, t);
}

void router_handle(struct router *r, uint64_t now_ms, struct peer *from, struct ag_span bytes,
                   const struct ag_json_view *v)
{
    struct text t;

    r->now_ms = now_ms;
    if (!peer_is_open(from))
        return;
    from->texts_in++;
    text_read(&t, bytes, v);
    if (from->role == PEER_UPSTREAM) {
        r->stats.texts_from_upstream++;
        down_handle(r, now_ms, from, &t);
    } else {
        r->stats.texts_from_apps++;
        app_handle(r, now_ms, from, &t);
    }
}

void router_handle_pack(struct router *r, uint64_t now_ms, struct peer *from, struct ag_span pack)
{
    struct ag_span text;
    struct ag_json_view v;
    int e;

    r->now_ms = now_ms;
    if (!peer_is_open(from))
        return;
    from->pack = true;
    ag_buf_clear(&r->scratch_in);
    e = ag_pack_to_json(pack, &r->scratch_in);
    text = ag_buf_span(&r->scratch_in);
    if (e == -ENOMEM) {
        r->stats.out_of_memory++;
        out_end(r, from, PEER_END_MEMORY);
    } else if (e != 0) {
        router_bad_input(r, from, ag_pack_strerror(e));
    } else if (text.len > r->limits.text || ag_json_parse(&text, r->limits.depth, &v) != 0) {
        router_bad_input(r, from, "text too large or nested too deep");
    } else {
        router_handle(r, now_ms, from, text, &v);
    }
    if (r->scratch_in.cap > SCRATCH_KEEP)
        ag_buf_deinit(&r->scratch_in);
}

void router_bad_input(struct router *r, struct peer *from, const char *reason)
{
    char text[256];
    int n = snprintf(text, sizeof text, "{\"error\":{\"code\":%d,\"message\":\"%s\"}}", CODE_PARSE, reason);

    r->stats.broken_texts++;
    if (!peer_is_open(from))
        return;
    out_text(r, from, OUT_ANSWER, (struct ag_span){text, (size_t) n});
    out_end(r, from, PEER_END_INPUT);
}

void router_expire(struct router *r, uint64_t now_ms)
{
    struct command *c;
    struct request *q;

    r->now_ms = now_ms;
    grace_expire(r, now_ms);
    while ((c = command_first(&r->commands)) && c->deadline_ms <= now_ms) {
        r->stats.command_timeouts++;
        ag_list_for_each (it, &c->asks)
            ag_list_entry(it, struct ask, by_command)->peer->n_unanswered++;
        down_fail(r, c, CODE_ACK_TIMEOUT, "user ack timeout", NULL);
    }
    while ((q = request_first(&r->requests)) && q->deadline_ms <= now_ms) {
        r->stats.request_timeouts++;
        up_fail(r, q, CODE_NO_ACK, "OT server noack");
    }
}

uint64_t router_deadline(const struct router *r)
{
    const struct command *c = command_first(&r->commands);
    const struct request *q = request_first(&r->requests);
    uint64_t at = grace_deadline(&r->grace);

    if (c && c->deadline_ms < at)
        at = c->deadline_ms;
    return q && q->deadline_ms < at ? q->deadline_ms : at;
}

void router_shutdown(struct router *r, uint64_t now_ms)
{
    r->now_ms = now_ms;
    r->shutting_down = true;
    grace_end(r, now_ms);
    while (command_first(&r->commands)) {
        r->stats.shutdown_answers++;
        down_fail(r, command_first(&r->commands), CODE_SHUTTING_DOWN, "shutting down", NULL);
    }
    while (request_first(&r->requests)) {
        r->stats.shutdown_answers++;
        up_fail(r, request_first(&r->requests), CODE_SHUTTING_DOWN, "shutting down");
    }
}

void router_sent(struct router *r, struct peer *p, size_t n)
{
    ag_buf_consume(&p->out, n);
    r->queued -= n;
    if (ag_buf_size(&p->out) == 0)
        out_release(r, p);
}

struct ag_buf router_take_out(struct router *r, struct peer *p)
{
    struct ag_buf b = p->out;

    r->queued -= ag_buf_size(&b);
    ag_buf_init(&p->out);
    return b;
}

void router_held(struct router *r, struct peer *p, size_t n)
{
    r->held += n - p->held;
    p->held = (uint32_t) n;
    if (n > 0 && r->queued + r->held > r->limits.total)
        out_end_greediest(r);
}
