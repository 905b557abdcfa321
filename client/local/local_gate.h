/* SPDX-License-Identifier: MIT */
/*
 * Between the local ways in (sockets, MQTT channels, BLE port) and the client: what the access rules say about each text, and
 * which sockets are the external helper's. A socket that may be the helper's receiver gets nothing before it has said what
 * it is, as that receiver leaves after the first text.
 */
#ifndef CLIENT_LOCAL_GATE_H
#define CLIENT_LOCAL_GATE_H

#include "client/device/core/wire.h"
#include "client/local/core/command.h"
#include "client/local/local_access.h"
#include "libagent/core/log/log.h"

enum { LOCAL_GATE_CHANNELS = COMMAND_PEERS_MAX - 1 }; /* the peer that the MQTT channels are */

struct local_gate_host {
    /* NULL: nobody that could be asked. */
    const struct local_who *(*who)(void *user, unsigned peer);
    /* The user that sent the BLE datagram under way. false: not known. */
    bool (*ble_sender)(void *user, uint32_t *uid_out);
    /* It spoke as an application: nothing meant for the helper goes to it from now on. */
    void (*not_helper)(void *user, unsigned peer);
};

struct local_gate {
    struct local_access access;
    struct command_table *commands; /* borrowed: who gets commands */
    const struct local_gate_host *host;
    void *user;
    bool external;           /* an external helper is expected */
    uint64_t internal_peers; /* bit per local socket that said _internal.hello: no broadcasts, only _internal.* */
    uint64_t plain_peers;    /* bit per local peer that has said anything else: it is not the helper */
    uint64_t fresh_peers;    /* bit per local socket that has said nothing yet and may be the helper */
    uint64_t fresh_until_ms; /* when they are taken for applications */
    uint64_t n_refused;
    struct ag_log_gate log;
};

/* access is opened and closed by the caller. */
void local_gate_init(struct local_gate *g, struct command_table *commands, bool external, const struct local_gate_host *host,
                     void *user);

/* It sees commands and broadcasts from now on, or a moment later when it may be the helper. */
void local_gate_joined(struct local_gate *g, unsigned peer, uint64_t now_ms);
void local_gate_left(struct local_gate *g, unsigned peer);
/* A local socket said _internal.hello: it is the helper's receiver until it says something else. */
void local_gate_is_helper(struct local_gate *g, unsigned peer);

/* Whether the sender may do that. Refusals are counted; the caller answers them. */
bool local_gate_passes(struct local_gate *g, struct origin from, struct ag_span text, const struct ag_json_view *view,
                       uint64_t now_ms);
/* Those among peers that may see this text. */
uint64_t local_gate_servers(const struct local_gate *g, uint64_t peers, struct ag_span text);

void local_gate_tick(struct local_gate *g, uint64_t now_ms);
/* AG_NEVER: none. */
uint64_t local_gate_next_deadline(const struct local_gate *g);

#endif
