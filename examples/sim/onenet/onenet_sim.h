/* SPDX-License-Identifier: MIT */
/*
 * The OneNET stand-in: a relay in front of a real mosquitto. The relay ends CONNECT, checks it against the access
 * document, logs in at the broker with the same session, will and keep-alive, watches the packets, decodes "$dp" with
 * the device's identity, brings commands to devices that never subscribed, and refuses "$" and wildcard subscriptions.
 * QoS, sessions, retained and queued messages are the broker's.
 *
 *   onenet_state.c  devices, commands, topics: what the platform remembers
 *   onenet_relay.c  connections
 *   onenet_web.c    the HTTP side
 *   onenet_cloud.c  options, standard input, journal (one JSON object a line on standard output)
 */
#ifndef SIM_ONENET_SIM_H
#define SIM_ONENET_SIM_H

#include <uv.h>
#include "examples/sim/broker.h"
#include "examples/sim/mqtt_relay.h"
#include "examples/sim/standin.h"
#include "examples/sim/web.h"
#include "examples/sim/wire/mqtt_client.h"
#include "libagent/core/list.h"

struct onsim_relay;

/* A topic that a device has subscribed to, or that the product has. */
struct onsim_topic {
    struct ag_list link;
    char name[];
};

struct onsim_device {
    struct ag_list link;
    struct onsim_relay *relay; /* online */
    struct ag_list subs;       /* struct onsim_topic */
    unsigned n_subs;
    uint8_t *qos2_open; /* bit per packet id: PUBLISH seen, PUBREL not yet */
    const char *auth;   /* behind id */
    char id[];
};

enum onsim_status { ONSIM_CREATED = 1, ONSIM_SENT = 2, ONSIM_ANSWERED = 4 };

struct onsim_command {
    struct ag_list link;
    struct onsim_device *device;
    char uuid[37];
    enum onsim_status status;
    bool resend; /* qos=1: again at each login until answered */
    uint64_t until_ms;
    struct ag_buf payload, answer;
};

struct onsim {
    uv_loop_t loop;
    const char *product, *api_key;
    unsigned min_keepalive_s;
    struct ag_list devices, commands, topics;
    unsigned n_topics;
    struct sim_broker child;
    struct sockaddr_in broker;
    const char *broker_user, *broker_password;
    struct sim_mqtt link;  /* the platform's own connection: points for subscribers */
    struct mqtt_door door; /* of the devices */
    /* The relay's: a message to a device, QoS 0, without any subscription. 0, -ENOTCONN, -ENOMEM. */
    int (*inject)(struct onsim_relay *r, struct ag_span topic, struct ag_span payload);
    struct sim_web *web;
    struct sim_standin standin;
    uint64_t n_points, n_dp_bad, n_refused, n_answers, n_logins;
    bool stopping;
};

/* ---- onenet_state.c ---- */

/* Something that the documents forbid: counted and noted. */
void onsim_refuse(struct onsim *s, const char *device, const char *why);

int onsim_device_add(struct onsim *s, const char *id, size_t id_len, const char *auth);
struct onsim_device *onsim_device_find(struct onsim *s, struct ag_span id);
/* The return code of CONNACK. */
uint8_t onsim_judge_login(struct onsim *s, const struct mqtt_connect *c, struct onsim_device **out);

struct onsim_topic *onsim_topic_find(struct ag_list *list, struct ag_span name);
int onsim_topic_add(struct ag_list *list, struct ag_span name);
/* NULL, or the error text that the platform answers. */
const char *onsim_topic_create(struct onsim *s, struct ag_span name);

/* timeout_s 0: online devices only. 0, -ENOTCONN, -ENOMEM; uuid_out: its name, borrowed. */
int onsim_command_add(struct onsim *s, struct onsim_device *d, struct ag_span payload, bool resend, unsigned timeout_s,
                      const char **uuid_out);
struct onsim_command *onsim_command_find(struct onsim *s, struct ag_span uuid);
void onsim_commands_send(struct onsim *s, struct onsim_device *d);
void onsim_answer(struct onsim *s, struct onsim_device *d, struct ag_span uuid, const struct mqtt_publish *p);
/* A payload of "$dp". */
void onsim_data(struct onsim *s, struct onsim_device *d, const struct mqtt_publish *p);
void onsim_state_free(struct onsim *s);

/* ---- onenet_relay.c ---- */

/* Prepares s->door and s->inject. */
void onsim_relay_init(struct onsim *s);
int onsim_relay_raw(struct onsim_relay *r, struct ag_span bytes);
void onsim_relay_drop(struct onsim_relay *r);

/* ---- onenet_web.c ---- */

/* 0 or -errno; sim_web_stop() ends it. */
int onsim_web_start(struct onsim *s, uint16_t port);

#endif
