/* SPDX-License-Identifier: MIT */
/*
 * A device's connection to an MQTT stand-in: cut into packets, and joined with a connection of its own to the
 * real broker behind. What a cloud demands of CONNECT and of each packet is up to the stand-in (mqtt_relay_ops);
 * sockets, order and ends are here:
 *
 *     accepted -> CONNECT judged -> broker asked -> its CONNACK -> open: packets both ways ... dropped ->
 * freed
 *
 * Owner: the door, until mqtt_relay_drop(); ops->free comes when both sockets have closed.
 */
#ifndef SIM_MQTT_RELAY_H
#define SIM_MQTT_RELAY_H

#include <netinet/in.h>
#include <uv.h>
#include "examples/sim/mqtt_wire.h"
#include "libagent/core/list.h"

struct mqtt_relay;
struct mqtt_door;

struct mqtt_relay_ops {
    size_t packet_max; /* bytes; a longer packet is a violation */
    size_t queue_max;  /* bytes not yet written to a peer; more: it does not read */
    /* A zeroed struct whose first member is the relay; NULL: the connection is closed again. */
    struct mqtt_relay *(*create)(struct mqtt_door *door);
    /* CONNECT. 0: *c is changed to what the broker shall get; 1..5: CONNACK with that code; -1: *why_out is a
     * violation. */
    int (*login)(struct mqtt_relay *r, struct mqtt_connect *c, const char **why_out);
    /* The broker's CONNACK with code 0; passes it on. */
    void (*online)(struct mqtt_relay *r, const struct mqtt_packet *connack);
    /* Packets of an open session. */
    void (*from_device)(struct mqtt_relay *r, const struct mqtt_packet *p);
    void (*from_broker)(struct mqtt_relay *r, const struct mqtt_packet *p);
    /* For the journal: the document forbids it (the relay is dropped next); CONNACK refuses. */
    void (*refused)(struct mqtt_relay *r, const char *why);
    void (*login_refused)(struct mqtt_relay *r, uint8_t code);
    /* The relay is being dropped: nobody may point to it from now on. */
    void (*offline)(struct mqtt_relay *r);
    /* Frees the struct of create(). */
    void (*free)(struct mqtt_relay *r);
};

enum mqtt_relay_state {
    MQTT_RELAY_WAIT_CONNECT,
    MQTT_RELAY_WAIT_BROKER,
    MQTT_RELAY_WAIT_CONNACK,
    MQTT_RELAY_OPEN,
    MQTT_RELAY_REFUSED /* CONNACK is on its way out; nothing more is read */
};

struct mqtt_relay {
    struct ag_list link; /* in door->relays */
    struct mqtt_door *door;
    uv_tcp_t down, up; /* to the device; to the broker */
    uv_connect_t connect;
    struct ag_buf from_down, from_up, login;
    enum mqtt_relay_state state;
    unsigned n_handles;
    bool closing;
};

/* Where devices connect. */
struct mqtt_door {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct ag_list relays;
    const struct sockaddr_in *broker;
    const struct mqtt_relay_ops *ops;
    void *user;
};

/* door is zeroed; broker, ops and user outlive it. */
void mqtt_door_init(struct mqtt_door *door, uv_loop_t *loop, const struct sockaddr_in *broker, const struct mqtt_relay_ops *ops,
                    void *user);
/* 0 or a negative code of libuv. */
int mqtt_door_listen(struct mqtt_door *door, const struct sockaddr *addr);
/* Drops every relay and closes the listener. */
void mqtt_door_close(struct mqtt_door *door);

/* 0, -ENOTCONN (dropped, or by this call, since the peer does not read), -ENOMEM. */
int mqtt_relay_to_device(struct mqtt_relay *r, struct ag_span bytes);
int mqtt_relay_to_broker(struct mqtt_relay *r, struct ag_span bytes);
/* The document forbids it: noted, and the connection ends. */
void mqtt_relay_violate(struct mqtt_relay *r, const char *why);
void mqtt_relay_drop(struct mqtt_relay *r);

#endif
