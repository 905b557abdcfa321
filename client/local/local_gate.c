/* SPDX-License-Identifier: MIT */
/* Between the local ways in (sockets, MQTT channels, BLE port) and the client: what the access rules say about each text. */
#include "client/local/local_gate.h"

#include <stdio.h>
#include "client/local/core/local_cmd.h"
#include "client/local/io/local_conn.h"
#include "libagent/core/deadline.h"

enum { METHOD_MAX = 256, METHOD_SHOWN = 64, FRESH_MS = 200 };

static uint64_t bit_of(unsigned peer)
{
    return UINT64_C(1) << peer;
}

void local_gate_init(struct local_gate *g, struct command_table *commands, bool external, const struct local_gate_host *host,
                     void *user)
{
    *g = (struct local_gate){
        .commands = commands, .host = host, .user = user, .external = external, .log = {.burst = 5, .period_ms = 10000}};
}

/* NULL: nobody that could be asked, like those who publish on the MQTT channels. */
static const struct local_who *who_of(const struct local_gate *g, unsigned peer)
{
    return peer == LOCAL_GATE_CHANNELS ? NULL : g->host->who(g->user, peer);
}

/* ---- sockets that have just come ---- */

/* The external helper's receiver leaves with the first text that it gets: a broadcast between its connect and its hello would use
   it up. So a socket that may be the helper gets nothing before it has said what it is. */
void local_gate_joined(struct local_gate *g, unsigned peer, uint64_t now_ms)
{
    g->plain_peers &= ~bit_of(peer);
    if (!g->external || !local_access_may_help(&g->access, who_of(g, peer))) {
        command_peer_added(g->commands, peer);
        return;
    }
    g->fresh_peers |= bit_of(peer);
    g->fresh_until_ms = now_ms + FRESH_MS;
}

void local_gate_left(struct local_gate *g, unsigned peer)
{
    g->fresh_peers &= ~bit_of(peer);
    g->internal_peers &= ~bit_of(peer);
}

static void settle(struct local_gate *g, unsigned peer)
{
    if (!(g->fresh_peers & bit_of(peer)))
        return;
    g->fresh_peers &= ~bit_of(peer);
    command_peer_added(g->commands, peer);
}

void local_gate_tick(struct local_gate *g, uint64_t now_ms)
{
    if (now_ms < local_gate_next_deadline(g))
        return;
    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++)
        settle(g, i);
}

uint64_t local_gate_next_deadline(const struct local_gate *g)
{
    return g->fresh_peers ? g->fresh_until_ms : AG_NEVER;
}

void local_gate_is_helper(struct local_gate *g, unsigned peer)
{
    g->fresh_peers &= ~bit_of(peer);
    g->internal_peers |= bit_of(peer);
    command_peer_removed(g->commands, peer);
}

static void unmark_internal(struct local_gate *g, unsigned peer)
{
    if (!(g->internal_peers & bit_of(peer)))
        return;
    g->internal_peers &= ~bit_of(peer);
    g->host->not_helper(g->user, peer);
    command_peer_added(g->commands, peer);
}

/* ---- what comes in ---- */

/* The external helper is a socket of root or the client's own user that never says anything but _internal.*, so applications
   behind the agent's socket cannot be taken for it. */
static bool may_be_helper(const struct local_gate *g, unsigned peer)
{
    return local_access_may_help(&g->access, who_of(g, peer)) && !(g->plain_peers & bit_of(peer));
}

/* One old helper reports the end of a join as local.status. */
static bool is_helpers(const struct local_gate *g, struct ag_span method)
{
    return local_cmd_is_internal(method) || (g->external && ag_span_eq(method, "local.status"));
}

static bool may_call_locally(struct local_gate *g, unsigned peer, struct ag_span method)
{
    bool internal = is_helpers(g, method);

    if (!local_access_may(&g->access, AG_ACCESS_CALL, method, who_of(g, peer)))
        return false;
    if (internal)
        return !g->external || may_be_helper(g, peer);
    g->plain_peers |= bit_of(peer);
    settle(g, peer);
    unmark_internal(g, peer);
    return true;
}

/* Asked only when rules are on: without them everybody may, and the answer costs something. */
static bool may_call_by_ble(struct local_gate *g, struct ag_span method)
{
    struct local_who who = {0};

    if (!g->access.rules.enabled)
        return true;
    who.known = g->host->ble_sender(g->user, &who.uid);
    return local_access_may(&g->access, AG_ACCESS_CALL, method, &who) || local_access_is_owner(&g->access, &who);
}

static void log_refusal(struct local_gate *g, struct origin from, struct ag_span method, uint64_t now_ms)
{
    const struct local_who *who = from.kind == ORIGIN_LOCAL ? who_of(g, (unsigned) from.token) : NULL;
    int shown = method.len < METHOD_SHOWN ? (int) method.len : METHOD_SHOWN;
    char name[40] = "somebody unknown";

    g->n_refused++;
    if (who && who->known)
        snprintf(name, sizeof name, "uid %lu", (unsigned long) who->uid);
    ag_log_gated(&g->log, now_ms, AG_LOG_WARNING, "%.*s of %s is not permitted", shown, method.p, name);
}

bool local_gate_passes(struct local_gate *g, struct origin from, struct ag_span text, const struct ag_json_view *view,
                       uint64_t now_ms)
{
    struct ag_span method;
    char name[METHOD_MAX];
    bool ok;

    if (!ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return true; /* refused for its form a step later */
    ok = from.kind == ORIGIN_LOCAL ? may_call_locally(g, (unsigned) from.token, method)
         : from.kind == ORIGIN_BLE ? may_call_by_ble(g, method)
                                   : true;
    if (!ok)
        log_refusal(g, from, method, now_ms);
    return ok;
}

/* ---- what goes out ---- */

static uint64_t untrusted(const struct local_gate *g, uint64_t peers)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++) {
        const struct local_who *who = peers & bit_of(i) ? who_of(g, i) : NULL;

        if ((peers & bit_of(i)) && !(who && who->trusted))
            found |= bit_of(i);
    }
    return found;
}

/* Naming a broker for the channels is a rule of its own: they see what is not closed, or what a rule gives to all. */
static bool may_serve(const struct local_gate *g, unsigned peer, struct ag_span method)
{
    return (peer == LOCAL_GATE_CHANNELS && !ag_access_is_closed(method)) ||
           local_access_may(&g->access, AG_ACCESS_SERVE, method, who_of(g, peer));
}

uint64_t local_gate_servers(const struct local_gate *g, uint64_t peers, struct ag_span text)
{
    uint64_t asked = g->access.rules.enabled ? untrusted(g, peers) : 0;
    struct ag_json_view view;
    struct ag_span method;
    char name[METHOD_MAX];

    if (asked == 0)
        return peers;
    if (ag_json_parse(&text, LOCAL_DEPTH_MAX, &view) != 0 || !ag_view_str(&view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return peers & ~asked;
    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++) {
        if ((asked & bit_of(i)) && !may_serve(g, i, method))
            peers &= ~bit_of(i);
    }
    return peers;
}
