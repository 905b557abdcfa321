/* SPDX-License-Identifier: MIT */
/* Any MQTT 3.1.1 broker as the device's cloud: the self-hoster's and the fleet's. Settings in mqtt_conf.h. */
#ifndef CLIENT_CLOUD_MQTT_H
#define CLIENT_CLOUD_MQTT_H

#include "client/cloud/cloud.h"

extern const struct cloud_ops cloud_mqtt_ops;

#endif
