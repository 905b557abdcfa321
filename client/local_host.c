/* SPDX-License-Identifier: MIT */
/* The local ways in: sockets on 54322, the MQTT channels, and what applications send up. */
#include "client/client.h"

#include <stdio.h>
#include "client/local/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

/* ---- to the applications ---- */

void client_send_peer(struct client *c, unsigned peer, struct ag_span text)
{
    local_trace_to((struct origin){.kind = ORIGIN_LOCAL, .token = peer}, text, NULL);
    if (peer == CLIENT_MQTT_PEER && c->mqtt_api)
        mqtt_api_send(c->mqtt_api, text);
    else if (peer != CLIENT_MQTT_PEER && c->local)
        local_server_send(c->local, peer, text);
}

void client_send_peers(struct client *c, uint64_t peers, struct ag_span text)
{
    for (unsigned i = 0; i <= CLIENT_MQTT_PEER; i++) {
        if (peers & (UINT64_C(1) << i))
            client_send_peer(c, i, text);
    }
}

void client_broadcast(struct client *c, struct ag_span text)
{
    client_send_peers(c, local_gate_servers(&c->gate, c->commands.peers, text), text);
}

void client_say_word(struct client *c, uint64_t peers, const char *word)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"method\":\"local.status\",\"params\":\"%s\"}", word);

    peers = local_gate_servers(&c->gate, peers, (struct ag_span){text, (size_t) n});
    client_send_peers(c, peers, (struct ag_span){text, (size_t) n});
}

/* ---- from the applications ---- */

static const struct local_who *on_gate_who(void *user, unsigned peer)
{
    const struct client *c = user;

    return c->local ? local_server_who(c->local, peer) : NULL;
}

static bool on_gate_ble_sender(void *user, uint32_t *uid_out)
{
    const struct client *c = user;

    return ble_port_sender(&c->ble, uid_out);
}

static void on_gate_not_helper(void *user, unsigned peer)
{
    struct client *c = user;

    setup_link_peer_gone(&c->setup, peer);
}

static const struct local_gate_host gate_host = {on_gate_who, on_gate_ble_sender, on_gate_not_helper};

static void on_local_identify(void *user, int fd, struct local_who *out)
{
    struct client *c = user;

    local_access_identify(&c->gate.access, fd, out);
}

static void on_local_joined(void *user, unsigned peer)
{
    struct client *c = user;

    ag_log(AG_LOG_DEBUG, "local peer %u connected", peer);
    local_gate_joined(&c->gate, peer, uv_now(c->loop));
}

/* The last of them has gone; the MQTT channels are there although nobody may listen on them. */
static bool was_last(const struct client *c, unsigned peer)
{
    uint64_t bit = UINT64_C(1) << peer, channels = UINT64_C(1) << CLIENT_MQTT_PEER;

    return (c->commands.peers & bit) && (c->commands.peers & ~bit & ~channels) == 0;
}

static void on_local_left(void *user, unsigned peer)
{
    struct client *c = user;
    bool last = was_last(c, peer);

    ag_log(AG_LOG_DEBUG, "local peer %u gone", peer);
    local_gate_left(&c->gate, peer);
    cloud_links_forget_peer(&c->clouds, peer);
    setup_link_peer_gone(&c->setup, peer);
    command_peer_removed(&c->commands, peer, uv_now(c->loop));
    reports_peer_removed(&c->reports, peer);
    if (last)
        command_expect_peers(&c->commands, uv_now(c->loop));
}

bool client_refuse_access(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (local_gate_passes(&c->gate, from, text, view, uv_now(c->loop)))
        return false;
    if (ag_view_has(view, AG_M_ID))
        client_refuse(c, from, text, view, AG_CODE_NOT_PERMITTED, "not permitted");
    return true;
}

static void refuse_memory(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view)
{
    if (ag_view_has(view, AG_M_ID))
        client_refuse(c, from, text, view, AG_CODE_BUSY, "out of memory");
    else
        c->stats.reports_silent++;
}

static void on_local_text(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    struct client *c = user;
    struct origin from = {.kind = ORIGIN_LOCAL, .token = peer};
    unsigned tag;

    local_trace_from(from, text, view);
    if (!ag_view_has(view, AG_M_METHOD) && command_id_is_good(view))
        command_answer(&c->commands, peer, text, view);
    else if (!client_refuse_form(c, from, text, view, true) && !client_refuse_access(c, from, text, view) &&
             !client_serve(c, from, text, view, &tag) && !cloud_links_offer(&c->clouds, peer, text, view) &&
             reports_submit(&c->reports, peer, text, view) < 0)
        refuse_memory(c, from, text, view);
}

static void on_local_closed(void *user)
{
    struct client *c = user;

    c->local = NULL;
    client_part_closed(c);
}

/* The uplink's texts count twice, as the cloud may have a copy of each; three sixteenths of all are for what has just
   come from clouds and phones. */
static size_t on_held_elsewhere(void *user)
{
    const struct client *c = user;

    return 2 * c->reports.uplink.bytes + c->commands.kept_bytes + c->options.memory_limit / 16 * 3;
}

static const struct local_server_events local_events = {on_local_joined, on_local_left,     on_local_text,
                                                        on_local_closed, on_local_identify, on_held_elsewhere};

/* ---- the MQTT API: one more local peer ---- */

/* Nobody asks on the channels when they come: whoever listens hears the last word, said before or not. */
static void on_mqtt_joined(void *user)
{
    struct client *c = user;

    on_local_joined(c, CLIENT_MQTT_PEER);
    if (c->device.last_word)
        client_say_word(c, UINT64_C(1) << CLIENT_MQTT_PEER, c->device.last_word);
}

static void on_mqtt_left(void *user)
{
    on_local_left(user, CLIENT_MQTT_PEER);
}

static void on_mqtt_text(void *user, struct ag_span text, const struct ag_json_view *view)
{
    on_local_text(user, CLIENT_MQTT_PEER, text, view);
}

static void on_mqtt_closed(void *user)
{
    struct client *c = user;

    c->mqtt_api = NULL;
    client_part_closed(c);
}

static const struct mqtt_api_events mqtt_api_events = {on_mqtt_joined, on_mqtt_left, on_mqtt_text, on_mqtt_closed};

int client_open_channels(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct endpoint *broker = &c->options.mqtt_api;
    int r = broker->port ? mqtt_api_open(&c->mqtt_api, c->loop, broker, c->device.conf->did, &mqtt_api_events, c) : 0;

    c->n_open += c->mqtt_api != NULL;
    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "MQTT API at %s: %s", broker->host, strerror(-r));
    return r;
}

int client_open_access(struct client *c, char error[DATA_ERROR_MAX])
{
    char why[AG_INI_ERROR_MAX] = "";
    int r = local_access_open(&c->gate.access, c->options.access_file, why);

    c->gate.access.has_agent_user = c->options.has_agent_user;
    c->gate.access.agent_uid = c->options.agent_uid;
    if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "%s", why);
    return r;
}

void client_init_local(struct client *c)
{
    local_gate_init(&c->gate, &c->commands, c->options.external_helper, &gate_host, c);
}

int client_open_local(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct ag_addr *at = &c->options.local;
    int r = local_server_open(&c->local, c->loop, at, &local_events, c, &c->local_bound);

    c->n_open += c->local != NULL;
    if (r < 0)
        return client_open_failed(error, "local socket", at, r);
    client_set_memory_limit(c, c->options.memory_limit);
    return 0;
}
