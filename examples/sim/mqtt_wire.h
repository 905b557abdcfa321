/* SPDX-License-Identifier: MIT */
/*
 * MQTT 3.1.1 packets as a relay between device and broker needs them: cut out of the stream, looked into, built. Strict
 * where the standard is. No I/O.
 */
#ifndef SIM_MQTT_WIRE_H
#define SIM_MQTT_WIRE_H

#include <stdbool.h>
#include "libagent/core/buf.h"

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT
};

struct mqtt_packet {
    enum mqtt_type type;
    uint8_t flags;        /* low nibble of byte 1 */
    struct ag_span whole; /* with the fixed header */
    struct ag_span body;  /* behind it */
};

/*
 * The packet at the front of bytes. 1: *out holds it; 0: more bytes are needed; -1: no MQTT, *why_out says how (type 0
 * or 15, wrong flag bits, a length field of five bytes, longer than max).
 */
int mqtt_wire_next(struct ag_span bytes, size_t max, struct mqtt_packet *out, const char **why_out);

struct mqtt_connect {
    struct ag_span name, client_id, user, password, will_topic, will_payload;
    uint8_t level, flags;
    uint16_t keepalive_s;
};

enum { MQTT_FLAG_CLEAN = 2, MQTT_FLAG_WILL = 4, MQTT_FLAG_WILL_RETAIN = 32, MQTT_FLAG_PASSWORD = 64, MQTT_FLAG_USER = 128 };

/* The readers: NULL, or what is malformed. */
const char *mqtt_wire_connect(struct ag_span body, struct mqtt_connect *out);

struct mqtt_publish {
    struct ag_span topic, payload;
    uint16_t mid; /* 0 with QoS 0 */
    uint8_t qos;
    bool dup, retain;
};

const char *mqtt_wire_publish(const struct mqtt_packet *p, struct mqtt_publish *out);
/* The packet id at the front of a body; 0 when there is none. */
uint16_t mqtt_wire_mid(struct ag_span body);
/* The next topic of SUBSCRIBE (with_qos) or UNSUBSCRIBE behind the packet id; *at begins at 2. false: no more, or *bad. */
bool mqtt_wire_filter(struct ag_span body, size_t *at, bool with_qos, struct ag_span *filter, uint8_t *qos, bool *bad);

/* The builders append; 0 or -ENOMEM. */
int mqtt_wire_put_connect(struct ag_buf *out, const struct mqtt_connect *c);
int mqtt_wire_put_connack(struct ag_buf *out, bool session_present, uint8_t code);
int mqtt_wire_put_publish(struct ag_buf *out, struct ag_span topic, struct ag_span payload); /* QoS 0 */
/* Any packet from its flags and body. */
int mqtt_wire_put(struct ag_buf *out, enum mqtt_type type, uint8_t flags, struct ag_span body);

#endif
