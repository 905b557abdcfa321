/* SPDX-License-Identifier: MIT */
/*
 * The MQTT API: the six channels of client/local/core/mqtt_channel.h on a local broker, QoS 1, never retained. One local peer
 * to the client: joined() when the broker is there, left() when it has gone; reconnects by itself (100 ms doubling to
 * 2 s while there is no broker; after sessions that did not last 500 ms doubling to 60 s). The client subscribes to the
 * incoming channels only, so it never hears itself; retained messages are dropped, as they are old.
 *
 * Owner: whoever opened it; ended by mqtt_api_close(), complete at closed().
 */
#ifndef CLIENT_MQTT_API_H
#define CLIENT_MQTT_API_H

#include <uv.h>
#include "client/device/core/endpoint.h"
#include "libagent/core/json/json.h"

struct mqtt_api;

struct mqtt_api_events {
    void (*joined)(void *user);
    void (*left)(void *user);
    /* text is one JSON object; it lives for the time of the call. */
    void (*text)(void *user, struct ag_span text, const struct ag_json_view *view);
    void (*closed)(void *user);
};

struct mqtt_api_stats {
    uint64_t texts_in, texts_out;
    uint64_t dropped; /* not sent: the broker is away, or so slow that 2 MiB wait already */
    uint64_t refused; /* not one JSON object, retained, or on the wrong channel */
};

/* id distinguishes this device from others on the same broker. 0, -ENOMEM or -errno. */
int mqtt_api_open(struct mqtt_api **out, uv_loop_t *loop, const struct endpoint *broker, uint64_t id,
                  const struct mqtt_api_events *events, void *user);
void mqtt_api_close(struct mqtt_api *a); /* NULL is fine */

/* Publishes on the matching channel; within text() of a query on the local channel, as its answer. */
void mqtt_api_send(struct mqtt_api *a, struct ag_span text);

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out);

#endif
