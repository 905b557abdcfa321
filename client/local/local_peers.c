/* SPDX-License-Identifier: MIT */
#include "client/local/local_peers.h"

#include <stdio.h>
#include "client/local/trace.h"
#include "libagent/core/log/log.h"

/* ---- to the applications ---- */

void local_peers_send(struct local_peers *p, unsigned peer, struct ag_span text)
{
    local_trace_to((struct origin){.kind = ORIGIN_LOCAL, .token = peer}, text, NULL);
    if (peer == LOCAL_PEERS_CHANNELS && p->channels)
        mqtt_api_send(p->channels, text);
    else if (peer != LOCAL_PEERS_CHANNELS && p->sockets)
        local_server_send(p->sockets, peer, text);
}

void local_peers_send_each(struct local_peers *p, uint64_t peers, struct ag_span text)
{
    for (unsigned i = 0; i <= LOCAL_PEERS_CHANNELS; i++) {
        if (peers & (UINT64_C(1) << i))
            local_peers_send(p, i, text);
    }
}

void local_peers_broadcast(struct local_peers *p, struct ag_span text)
{
    local_peers_send_each(p, local_gate_servers(&p->gate, p->env.commands->peers, text), text);
}

static void say_word(struct local_peers *p, uint64_t peers, const char *word)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"method\":\"local.status\",\"params\":\"%s\"}", word);
    struct ag_span told = {text, (size_t) n};

    local_peers_send_each(p, local_gate_servers(&p->gate, peers, told), told);
}

void local_peers_say_word(struct local_peers *p, const char *word)
{
    say_word(p, p->env.commands->peers, word);
}

/* ---- the gate ---- */

static const struct local_who *on_gate_who(void *user, unsigned peer)
{
    const struct local_peers *p = user;

    return p->sockets ? local_server_who(p->sockets, peer) : NULL;
}

static bool on_gate_ble_sender(void *user, uint32_t *uid_out)
{
    const struct local_peers *p = user;

    return p->env.host->ble_sender(p->env.user, uid_out);
}

static void on_gate_not_helper(void *user, unsigned peer)
{
    const struct local_peers *p = user;

    p->env.host->not_helper(p->env.user, peer);
}

static const struct local_gate_host gate_host = {on_gate_who, on_gate_ble_sender, on_gate_not_helper};

bool local_peers_may(struct local_peers *p, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    return local_gate_passes(&p->gate, from, text, view, uv_now(p->env.loop));
}

/* ---- sockets ---- */

static void on_local_identify(void *user, int fd, struct local_who *out)
{
    struct local_peers *p = user;

    local_access_identify(&p->gate.access, fd, out);
}

static void on_local_joined(void *user, unsigned peer)
{
    struct local_peers *p = user;

    ag_log(AG_LOG_DEBUG, "local peer %u connected", peer);
    local_gate_joined(&p->gate, peer, uv_now(p->env.loop));
}

/* The last of them has gone; the MQTT channels are there although nobody may listen on them. */
static bool was_last(const struct local_peers *p, unsigned peer)
{
    uint64_t bit = UINT64_C(1) << peer, channels = UINT64_C(1) << LOCAL_PEERS_CHANNELS, peers = p->env.commands->peers;

    return (peers & bit) && (peers & ~bit & ~channels) == 0;
}

static void on_local_left(void *user, unsigned peer)
{
    struct local_peers *p = user;
    bool last = was_last(p, peer);

    ag_log(AG_LOG_DEBUG, "local peer %u gone", peer);
    local_gate_left(&p->gate, peer);
    p->env.host->left(p->env.user, peer);
    command_peer_removed(p->env.commands, peer);
    if (last)
        command_expect_peers(p->env.commands, uv_now(p->env.loop));
}

static void on_local_text(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct local_peers *p = user;

    p->env.host->text(p->env.user, peer, text, view);
}

static void on_local_closed(void *user)
{
    struct local_peers *p = user;

    p->sockets = NULL;
    p->env.host->closed(p->env.user);
}

static size_t on_held_elsewhere(void *user)
{
    const struct local_peers *p = user;

    return p->env.host->held_elsewhere(p->env.user);
}

static const struct local_server_events local_events = {on_local_joined, on_local_left,     on_local_text,
                                                        on_local_closed, on_local_identify, on_held_elsewhere};

int local_peers_open_sockets(struct local_peers *p, const struct ag_addr *at)
{
    return local_server_open(&p->sockets, p->env.loop, at, &local_events, p, &p->bound);
}

void local_peers_set_max_bytes(struct local_peers *p, size_t max)
{
    if (p->sockets)
        local_server_set_max_bytes(p->sockets, max);
}

/* ---- the MQTT API: one more local peer ---- */

/* Nobody asks on the channels when they come: whoever listens hears the last word, said before or not. */
static void on_mqtt_joined(void *user)
{
    struct local_peers *p = user;

    on_local_joined(p, LOCAL_PEERS_CHANNELS);
    if (p->env.device->last_word)
        say_word(p, UINT64_C(1) << LOCAL_PEERS_CHANNELS, p->env.device->last_word);
}

static void on_mqtt_left(void *user)
{
    on_local_left(user, LOCAL_PEERS_CHANNELS);
}

static void on_mqtt_text(void *user, struct ag_span text, const struct ag_json_view *view)
{
    on_local_text(user, LOCAL_PEERS_CHANNELS, text, view);
}

static void on_mqtt_closed(void *user)
{
    struct local_peers *p = user;

    p->channels = NULL;
    p->env.host->closed(p->env.user);
}

static const struct mqtt_api_events mqtt_api_events = {on_mqtt_joined, on_mqtt_left, on_mqtt_text, on_mqtt_closed};

int local_peers_open_channels(struct local_peers *p, const struct endpoint *broker)
{
    if (broker->port == 0)
        return 0;
    return mqtt_api_open(&p->channels, p->env.loop, broker, p->env.device->conf->did, &mqtt_api_events, p);
}

/* ---- start and end ---- */

void local_peers_init(struct local_peers *p, const struct local_peers_env *env)
{
    *p = (struct local_peers){.env = *env};
    local_gate_init(&p->gate, env->commands, env->external_helper, &gate_host, p);
}

int local_peers_open_access(struct local_peers *p, const char *file, const uint32_t *agent_uid, char error[AG_INI_ERROR_MAX])
{
    int r = local_access_open(&p->gate.access, file, error);

    p->gate.access.has_agent_user = agent_uid != NULL;
    p->gate.access.agent_uid = agent_uid ? *agent_uid : 0;
    return r;
}

void local_peers_close(struct local_peers *p)
{
    local_server_close(p->sockets);
    mqtt_api_close(p->channels);
}

void local_peers_deinit(struct local_peers *p)
{
    local_access_close(&p->gate.access);
}
