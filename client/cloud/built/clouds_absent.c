/* SPDX-License-Identifier: MIT */
/*
 * In place of the clouds that a build leaves out: choosing one is refused with the reason. Without MQTT (MIIO_MQTT=OFF,
 * ABSENT_MQTT here) these are three; without HTTP (MIIO_HTTP=OFF) only Gizwits, which uses it to register.
 */
#include <errno.h>
#include <stdio.h>
#include "client/cloud/gizwits/gizwits.h"
#ifdef ABSENT_MQTT
#include "client/cloud/mqtt/mqtt.h"
#include "client/cloud/onenet/onenet.h"

static const char reason[] = "this miio_client was built without MQTT (MIIO_MQTT=OFF): cloud can be ot or none";
#else
static const char reason[] = "this miio_client was built without HTTP (MIIO_HTTP=OFF), by which cloud=gizwits registers";
#endif

static int absent_check(const struct device_conf *conf, char *why, size_t n)
{
    (void) conf;
    snprintf(why, n, "%s", reason);
    return -EINVAL;
}

static int absent_create(struct cloud **out, const struct cloud_env *env)
{
    (void) out;
    (void) env;
    return -EINVAL;
}

const struct cloud_ops cloud_gizwits_ops = {
    .name = "gizwits", .place = CLOUD_GIZWITS, .check = absent_check, .create = absent_create};
#ifdef ABSENT_MQTT
const struct cloud_ops cloud_onenet_ops = {
    .name = "onenet", .place = CLOUD_ONENET, .check = absent_check, .create = absent_create};
const struct cloud_ops cloud_mqtt_ops = {.name = "mqtt", .place = CLOUD_MQTT, .check = absent_check, .create = absent_create};
#endif
