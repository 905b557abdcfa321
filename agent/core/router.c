/* SPDX-License-Identifier: MIT */
#include "agent/core/router.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/core/route/address.h"
#include "agent/core/route/dispatch.h"
#include "agent/core/route/requests.h"
#include "agent/core/route/standby.h"
#include "agent/core/route/status.h"
#include "agent/core/send/monitor.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"
#include "libagent/core/pack/pack.h"
#include "libagent/core/deadline.h"

enum { SCRATCH_KEEP = 64 * 1024 };

int router_init(struct router *r, uint64_t now_ms, uint64_t seed, uint32_t own_uid)
{
    int e;

    *r = (struct router){.start_ms = now_ms, .next_call_id = (uint32_t) (seed >> 32)};
    limits_init(&r->limits);
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

/* Takes from a peer what it may no longer hold. */
static void review(struct router *r, struct peer *p)
{
    ag_list_for_each (it, &p->subs) {
        struct sub *s = ag_list_entry(it, struct sub, by_peer);

        s->denied = !rights_keep(r, s);
    }
    if (p->address && !rights_bind(r, p, p->address))
        address_release(r, p);
    monitor_review(r, p);
}

void router_reconfigure(struct router *r)
{
    r->subs.max_len = r->limits.key_len;
    r->subs.max_per_peer = r->limits.keys_per_peer;
    r->subs.max_subs = r->limits.keys;
    ag_list_for_each (it, &r->peers)
        review(r, ag_list_entry(it, struct peer, all));
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

/* From now on it gets and sees nothing. */
static void drop_subs(struct router *r, uint64_t now_ms, struct peer *p)
{
    monitor_stop(r, p);
    address_release(r, p);
    if (r->limits.command_grace_ms > 0)
        grace_note(&r->grace, now_ms, p);
    sub_remove_all(&r->subs, p);
    standby_tell(r);
}

static void app_gone(struct router *r, uint64_t now_ms, struct peer *p)
{
    drop_subs(r, now_ms, p);
    requests_orphan(r, p);
    commands_orphan(r, p);
    commands_unask(r, p);
    ag_list_del(&p->half);
    ag_list_del(&p->all);
    r->n_peers--;
}

/* Whoever waits for upstream gets an error; what upstream waited for is forgotten. */
static void upstream_gone(struct router *r, struct peer *p)
{
    r->upstream = NULL;
    r->has_status_id = false;
    requests_disconnected(r);
    commands_orphan(r, p);
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
    commands_unask(r, p);
}

struct peer *router_first_half_closed(const struct router *r)
{
    return ag_list_first(&r->gone, struct peer, half);
}

bool router_peer_is_done(const struct peer *p)
{
    return p->half_closed && p->n_requests == 0 && ag_list_empty(&p->calls) && ag_buf_size(&p->out) == 0 && p->n_waiting == 0;
}

void router_handle(struct router *r, uint64_t now_ms, struct peer *from, struct ag_span bytes, const struct ag_json_view *v)
{
    struct text t;

    r->now_ms = now_ms;
    if (!peer_is_open(from))
        return;
    from->texts_in++;
    text_read(&t, bytes, v);
    if (from->role == PEER_UPSTREAM) {
        r->stats.texts_from_upstream++;
        dispatch_from_upstream(r, now_ms, from, &t);
    } else {
        r->stats.texts_from_apps++;
        dispatch_from_app(r, now_ms, from, &t);
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
    int n = snprintf(text, sizeof text, "{\"error\":{\"code\":%d,\"message\":\"%s\"}}", AG_CODE_PARSE, reason);

    r->stats.broken_texts++;
    if (!peer_is_open(from))
        return;
    out_text(r, from, OUT_ANSWER, (struct ag_span){text, (size_t) n});
    out_end(r, from, PEER_END_INPUT);
}

void router_expire(struct router *r, uint64_t now_ms)
{
    r->now_ms = now_ms;
    commands_expire(r, now_ms);
    requests_expire(r, now_ms);
}

uint64_t router_deadline(const struct router *r)
{
    return ag_earlier(commands_deadline(r), requests_deadline(r));
}

void router_shutdown(struct router *r, uint64_t now_ms)
{
    r->now_ms = now_ms;
    r->shutting_down = true;
    commands_shutdown(r, now_ms);
    requests_shutdown(r);
}
