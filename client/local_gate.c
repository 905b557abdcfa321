/* Between the local ways in (sockets, MQTT channels, BLE port) and the client: what the access rules say to each text. */
#include "client/client.h"

#include <stdio.h>
#include "client/lan/io/udp_owner.h"

enum { METHOD_MAX = 256, METHOD_SHOWN = 64, FRESH_MS = 200 };

static uint64_t bit_of(unsigned peer)
{
    return UINT64_C(1) << peer;
}

/* NULL: nobody that could be asked, as whoever publishes on the MQTT channels. */
static const struct local_who *who_of(const struct client *c, unsigned peer)
{
    return peer == CLIENT_MQTT_PEER || !c->local ? NULL : local_server_who(c->local, peer);
}

/* ---- sockets that have just come ---- */

/*
 * The external helper's receiver leaves with the first text that it gets: a broadcast that meets it between its connect
 * and its hello would go for good. So a socket that may be the helper sees nothing before it has said what it is.
 */
void client_gate_joined(struct client *c, unsigned peer)
{
    c->plain_peers &= ~bit_of(peer);
    if (!c->options.external_helper || !local_access_may_help(&c->access, who_of(c, peer))) {
        command_peer_added(&c->commands, peer);
        return;
    }
    c->fresh_peers |= bit_of(peer);
    c->fresh_until_ms = uv_now(c->loop) + FRESH_MS;
}

void client_gate_left(struct client *c, unsigned peer)
{
    c->fresh_peers &= ~bit_of(peer);
    c->internal_peers &= ~bit_of(peer);
}

static void settle(struct client *c, unsigned peer)
{
    if (!(c->fresh_peers & bit_of(peer)))
        return;
    c->fresh_peers &= ~bit_of(peer);
    command_peer_added(&c->commands, peer);
}

void client_gate_tick(struct client *c, uint64_t now_ms)
{
    if (now_ms < client_gate_next_deadline(c))
        return;
    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++)
        settle(c, i);
}

uint64_t client_gate_next_deadline(const struct client *c)
{
    return c->fresh_peers ? c->fresh_until_ms : UINT64_MAX;
}

void client_mark_internal(struct client *c, unsigned peer)
{
    c->fresh_peers &= ~bit_of(peer);
    c->internal_peers |= bit_of(peer);
    command_peer_removed(&c->commands, peer, uv_now(c->loop));
}

static void unmark_internal(struct client *c, unsigned peer)
{
    if (!(c->internal_peers & bit_of(peer)))
        return;
    c->internal_peers &= ~bit_of(peer);
    setup_link_peer_gone(&c->setup, peer);
    command_peer_added(&c->commands, peer);
}

/* ---- what comes in ---- */

/*
 * The external helper is a socket of root's or the client's own user that never says anything but _internal.*: so an
 * application whose texts come by the agent's socket cannot be taken for it.
 */
static bool may_be_helper(const struct client *c, unsigned peer)
{
    return local_access_may_help(&c->access, who_of(c, peer)) && !(c->plain_peers & bit_of(peer));
}

/* One old helper tells the end of a join as local.status. */
static bool is_helpers(const struct client *c, struct ag_span method)
{
    return local_cmd_is_internal(method) ||
           (c->options.external_helper && ag_span_eq(method, "local.status"));
}

static bool may_call_locally(struct client *c, unsigned peer, struct ag_span method)
{
    bool internal = is_helpers(c, method);

    if (!local_access_may(&c->access, AG_ACCESS_CALL, method, who_of(c, peer)))
        return false;
    if (internal)
        return !c->options.external_helper || may_be_helper(c, peer);
    c->plain_peers |= bit_of(peer);
    settle(c, peer);
    unmark_internal(c, peer);
    return true;
}

/* Asked only when rules are on: without them everybody may, and the answer costs something. */
static bool may_call_by_ble(struct client *c, struct ag_span method)
{
    struct local_who who = {0};

    if (!c->access.rules.enabled)
        return true;
    who.known = udp_owner_find(&c->ble_asker, &who.uid);
    return local_access_may(&c->access, AG_ACCESS_CALL, method, &who) || local_access_is_owner(&c->access, &who);
}

static void log_refusal(struct client *c, struct origin from, struct ag_span method)
{
    const struct local_who *who = from.kind == ORIGIN_LOCAL ? who_of(c, (unsigned) from.token) : NULL;
    int shown = method.len < METHOD_SHOWN ? (int) method.len : METHOD_SHOWN;
    char name[40] = "somebody unknown";
    char left_out[AG_LOG_HELD_MAX];
    unsigned held;

    c->stats.not_permitted++;
    if (!ag_log_gate_pass(&c->gate, uv_now(c->loop), &held))
        return;
    if (who && who->known)
        snprintf(name, sizeof name, "uid %lu", (unsigned long) who->uid);
    ag_log(AG_LOG_WARNING, "%.*s of %s is not permitted%s", shown, method.p, name, ag_log_held(held, left_out));
}

bool client_gate_passes(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span method;
    char name[METHOD_MAX];
    bool ok;

    if (!ag_view_str(view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return true; /* refused for its form a step later */
    ok = from.kind == ORIGIN_LOCAL ? may_call_locally(c, (unsigned) from.token, method)
         : from.kind == ORIGIN_BLE ? may_call_by_ble(c, method)
                                   : true;
    if (!ok)
        log_refusal(c, from, method);
    return ok;
}

/* ---- what goes out ---- */

static uint64_t untrusted(const struct client *c, uint64_t peers)
{
    uint64_t found = 0;

    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++) {
        const struct local_who *who = peers & bit_of(i) ? who_of(c, i) : NULL;

        if ((peers & bit_of(i)) && !(who && who->trusted))
            found |= bit_of(i);
    }
    return found;
}

/* Naming a broker for the channels is a rule of its own: they see what is not closed, or what a rule gives to all. */
static bool may_serve(const struct client *c, unsigned peer, struct ag_span method)
{
    return (peer == CLIENT_MQTT_PEER && !ag_access_is_closed(method)) ||
           local_access_may(&c->access, AG_ACCESS_SERVE, method, who_of(c, peer));
}

uint64_t client_gate_servers(void *user, uint64_t peers, struct ag_span text)
{
    const struct client *c = user;
    uint64_t asked = c->access.rules.enabled ? untrusted(c, peers) : 0;
    struct ag_json_view view;
    struct ag_span method;
    char name[METHOD_MAX];

    if (asked == 0)
        return peers;
    if (ag_json_parse(&text, LOCAL_DEPTH_MAX, &view) != 0 ||
        !ag_view_str(&view, text.p, AG_M_METHOD, name, sizeof name, &method))
        return peers & ~asked;
    for (unsigned i = 0; i < COMMAND_PEERS_MAX; i++) {
        if ((asked & bit_of(i)) && !may_serve(c, i, method))
            peers &= ~bit_of(i);
    }
    return peers;
}
