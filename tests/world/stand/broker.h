/* SPDX-License-Identifier: MIT */
/* An MQTT broker of one's own: strict, with sessions that last, and a user beside it. */
#ifndef WORLD_BROKER_H
#define WORLD_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/world/kernel/net.h"

struct broker_faults {
    int refuse_login;     /* CONNACK code; 0: none */
    bool close_at_once;   /* after CONNACK */
    bool mute;            /* takes connections, says nothing */
    int refuse_sub_above; /* QoS above that is refused; 3: none */
    bool no_acks;
    bool late_acks;       /* PUBACKs wait until broker_acks() */
    unsigned cut_at_rec;  /* the connection ends at that PUBREC from now; 0: at none */
    bool cut_rec_is_lost; /* and the broker has not seen it */
};

/* What a device logs in with. */
struct broker_login {
    unsigned level; /* of the protocol */
    const char *id, *name, *password;
};

#define BROKER_REFUSES "" /* what check says to have the login refused */

struct broker {
    struct link *link;
    struct broker_faults faults;
    /* What a device has published, once (QoS 2), or whenever it came. */
    void (*on_publish)(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain);
    const char *(*check)(void *user, const struct broker_login *l); /* NULL, or what is wrong; may be NULL */
    unsigned pings_max;                                             /* within three minutes; 0: any */
    void *user;
    void *sessions, *conns, *retained;
    uint64_t n_connects, n_publishes, bad, heard_us; /* heard_us: a packet from somebody who is logged in */
};

void broker_open(struct broker *b, uint32_t ip, uint16_t port, struct link *link);
void broker_publish(struct broker *b, const char *topic, const void *payload, size_t n, int qos, bool retain);
/* To one device, whatever it has subscribed to. */
void broker_give(struct broker *b, const char *id, const char *topic, const void *payload, size_t n, int qos);
/* What late_acks has held back. */
void broker_acks(struct broker *b);
bool broker_is_in(const struct broker *b, const char *id);
/* Forgets every session, as after a restart without persistence; connections are reset. */
void broker_restart(struct broker *b, bool forget);
/* Is somebody connected under this client id, with a subscription to the topic? */
bool broker_serves(const struct broker *b, const char *topic);

#endif
