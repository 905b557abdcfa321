/* SPDX-License-Identifier: MIT */
/*
 * A stand-in's own connection to its broker, by libmosquitto on a libuv loop. It comes back by itself every 200 ms. Publishes
 * of QoS 0 are lost while it is away.
 */
#ifndef SIM_MQTT_CLIENT_H
#define SIM_MQTT_CLIENT_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/util.h"

struct mosquitto;

struct sim_mqtt_ops {
    void (*ready)(void *user); /* connected, all filters in force; NULL: not wanted */
    void (*message)(void *user, const char *topic, struct ag_span payload); /* NULL: not wanted */
};

struct sim_mqtt {
    struct mosquitto *mosq;
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t tick;
    bool polling, opened;
    uint16_t port;
    const char *const *filters; /* NULL at the end; borrowed */
    unsigned n_granted;
    const struct sim_mqtt_ops *ops;
    void *user;
};

/* At 127.0.0.1. login and password may be NULL. 0 or -errno; the first try is made later, on the loop. */
int sim_mqtt_open(struct sim_mqtt *m, uv_loop_t *loop, uint16_t port, const char *client_id, const char *login,
                  const char *password, const char *const *filters, const struct sim_mqtt_ops *ops, void *user);
/* 0 or -EINVAL, -ENOTCONN. */
int sim_mqtt_publish(struct sim_mqtt *m, const char *topic, struct ag_span payload, int qos);
/* Sends DISCONNECT. Nothing is called any more; idempotent. */
void sim_mqtt_close(struct sim_mqtt *m);

#endif
