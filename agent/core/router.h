/* SPDX-License-Identifier: MIT */
/*
 * The router: a whole text of a peer comes in, and afterwards what is to be sent is in the out buffers
 * of peers.
 *
 * Bytes and now_ms in, decisions out: no socket, loop, clock or log. After each call the shell looks at
 * router.work: each peer there has bytes in out, or an end to be carried out, or both. Nothing is freed by
 * the router while it runs; a peer that must go is only marked and lives until the shell calls
 * router_peer_gone().
 *
 * Promise: each command from upstream and each request of an application that has an id gets exactly one
 * answer, unless the asker is gone. What cannot be delivered or answered is counted in stats.
 */
#ifndef AGENT_CORE_ROUTER_H
#define AGENT_CORE_ROUTER_H

#include "agent/core/route/commands.h"
#include "agent/core/send/out.h"
#include "agent/core/state/state.h"
#include "libagent/core/json/json.h"

/* seed: random; ids begin there. limits and access are set by the caller afterwards, at any time,
   followed by router_reconfigure(). 0 or -ENOMEM (nothing to deinit then). */
int router_init(struct router *r, uint64_t now_ms, uint64_t seed, uint32_t own_uid);
/* Every peer must be gone. */
void router_deinit(struct router *r);
/* After a change of limits or access rules: subscriptions that are no longer permitted stop getting commands.
 */
void router_reconfigure(struct router *r);

/* The caller owns *p and has zeroed it; packets and cred may be set. Upstream is asked for its state when an application
   follows local.status: it may have changed meanwhile. */
void router_peer_add(struct router *r, uint64_t now_ms, struct peer *p, enum peer_role role);
/* Takes everything of the peer away and answers whoever waited for it; its memory is the caller's again. */
void router_peer_gone(struct router *r, uint64_t now_ms, struct peer *p);
/* It sends nothing more (end of stream) but may wait for answers: subscriptions end now. */
void router_peer_half_closed(struct router *r, uint64_t now_ms, struct peer *p);
/* The application that has waited longest after its end of stream: it may have stopped waiting, so it makes room for
   others. NULL: there is none. */
struct peer *router_first_half_closed(const struct router *r);
/* Half closed, and nothing is open or waiting to be sent any more: it can go. */
bool router_peer_is_done(const struct peer *p);

/* One whole JSON text. */
void router_handle(struct router *r, uint64_t now_ms, struct peer *from, struct ag_span text, const struct ag_json_view *v);
/* One whole MessagePack-RPC message. */
void router_handle_pack(struct router *r, uint64_t now_ms, struct peer *from, struct ag_span text);
/* Its bytes are no text: an error text to it, then its end. reason is a readable text. */
void router_bad_input(struct router *r, struct peer *from, const char *reason);

/* The end of a turn: commands that waited for a subscriber which is there now go out. */
static inline void router_settle(struct router *r, uint64_t now_ms)
{
    if (r->grace.ready)
        commands_release(r, now_ms);
}

/* Answers all whose deadline has come. */
void router_expire(struct router *r, uint64_t now_ms);
/* The nearest deadline, AG_NEVER when nothing is open. */
uint64_t router_deadline(const struct router *r);
/* Answers all that is open; from then on every request is refused. */
void router_shutdown(struct router *r, uint64_t now_ms);

/* ---- what the shell tells about queues ---- */

/* n bytes of out were sent. */
static inline void router_sent(struct router *r, struct peer *p, size_t n)
{
    out_sent(r, p, n);
}
/* Hands over what is in out, when the shell sends the last bytes of a peer on its own. */
static inline struct ag_buf router_take_out(struct router *r, struct peer *p)
{
    return out_take(r, p);
}
/* Bytes the shell keeps for a partial text. */
static inline void router_held(struct router *r, struct peer *p, size_t n)
{
    out_held(r, p, n);
}

#endif
