/* SPDX-License-Identifier: MIT */
/* In place of the MQTT API in a build without MQTT (MIIO_MQTT=OFF). */
#include <errno.h>
#include "client/local/io/mqtt_api.h"

int mqtt_api_open(struct mqtt_api **out, uv_loop_t *loop, const struct endpoint *broker, uint64_t id,
                  const struct mqtt_api_events *events, void *user)
{
    (void) loop;
    (void) broker;
    (void) id;
    (void) events;
    (void) user;
    *out = NULL;
    return -EOPNOTSUPP;
}

void mqtt_api_close(struct mqtt_api *a)
{
    (void) a;
}

void mqtt_api_send(struct mqtt_api *a, struct ag_span text)
{
    (void) a;
    (void) text;
}

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out)
{
    (void) a;
    *out = (struct mqtt_api_stats){0};
}
