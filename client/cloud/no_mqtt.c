/* SPDX-License-Identifier: MIT */
/* Stands in for the clouds that speak MQTT in a build without it (MIIO_MQTT=OFF): the one that is chosen says why it cannot be. */
#include <errno.h>
#include <stdio.h>
#include "client/cloud/gizwits/gizwits.h"
#include "client/cloud/mqtt/mqtt.h"
#include "client/cloud/onenet/onenet.h"

static int no_check(const struct device_conf *conf, char *why, size_t n)
{
    (void) conf;
    snprintf(why, n, "this miio_client was built without MQTT (MIIO_MQTT=OFF): cloud can be ot or none");
    return -EINVAL;
}

static int no_create(struct cloud **out, const struct cloud_env *env)
{
    (void) out;
    (void) env;
    return -EINVAL;
}

const struct cloud_ops cloud_gizwits_ops = {.name = "gizwits", .place = CLOUD_GIZWITS, .check = no_check, .create = no_create};
const struct cloud_ops cloud_onenet_ops = {.name = "onenet", .place = CLOUD_ONENET, .check = no_check, .create = no_create};
const struct cloud_ops cloud_mqtt_ops = {.name = "mqtt", .place = CLOUD_MQTT, .check = no_check, .create = no_create};
