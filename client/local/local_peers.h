/* SPDX-License-Identifier: MIT */
/*
 * The local ways in and out: the sockets on 54322, the MQTT channels, and the gate that says who may do and see what on them.
 * Here peers come and go, and so the receivers of commands.
 *
 * Init, then open what is wanted; local_peers_close() ends the sockets and the channels, closed() comes for each that is
 * there; after local_peers_deinit() the struct may go.
 */
#ifndef CLIENT_LOCAL_PEERS_H
#define CLIENT_LOCAL_PEERS_H

#include "client/device/core/endpoint.h"
#include "client/device/device.h"
#include "client/local/io/local_server.h"
#include "client/local/io/mqtt_api.h"
#include "client/local/local_gate.h"

/* The peer that the MQTT channels are. */
enum { LOCAL_PEERS_CHANNELS = LOCAL_GATE_CHANNELS };

/* What the rest of the client does for them; user is struct local_peers_env's. */
struct local_peers_host {
    void (*text)(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view);
    /* Nothing more comes from it; its number may be given to another one. */
    void (*left)(void *user, unsigned peer);
    /* It spoke as an application: nothing meant for the helper goes to it from now on. */
    void (*not_helper)(void *user, unsigned peer);
    /* The user that sent the Bluetooth datagram under way. false: not known. */
    bool (*ble_sender)(void *user, uint32_t *uid_out);
    /* Bytes that peers make the daemon keep elsewhere; part of the total. */
    size_t (*held_elsewhere)(void *user);
    void (*closed)(void *user);
};

struct local_peers_env {
    uv_loop_t *loop;
    const struct device *device;    /* newcomers on the channels get its last word */
    struct command_table *commands; /* borrowed: who gets commands */
    bool external_helper;
    const struct local_peers_host *host;
    void *user;
};

struct local_peers {
    struct local_peers_env env;
    struct local_gate gate;
    struct local_server *sockets; /* NULL: closed */
    struct mqtt_api *channels;    /* NULL: off */
    struct ag_addr bound;
};

void local_peers_init(struct local_peers *p, const struct local_peers_env *env);
/* The rules; file NULL: none. agent_uid NULL: no user of the agent's. 0 or -errno with one line in error. */
int local_peers_open_access(struct local_peers *p, const char *file, const uint32_t *agent_uid, char error[AG_INI_ERROR_MAX]);
/* 0 or -errno. */
int local_peers_open_sockets(struct local_peers *p, const struct ag_addr *at);
/* broker with port 0: no channels. 0 or -errno. */
int local_peers_open_channels(struct local_peers *p, const struct endpoint *broker);
void local_peers_close(struct local_peers *p);
void local_peers_deinit(struct local_peers *p);

void local_peers_set_max_bytes(struct local_peers *p, size_t max);

/* To one of them; to those whose bit is set; to all that may see it. */
void local_peers_send(struct local_peers *p, unsigned peer, struct ag_span text);
void local_peers_send_each(struct local_peers *p, uint64_t peers, struct ag_span text);
void local_peers_broadcast(struct local_peers *p, struct ag_span text);
/* local.status, to all that may see it. */
void local_peers_say_word(struct local_peers *p, const char *word);

/* false: the access rules refuse it, and nobody has been answered. */
bool local_peers_may(struct local_peers *p, struct origin from, struct ag_span text, const struct ag_json_view *view);

#endif
