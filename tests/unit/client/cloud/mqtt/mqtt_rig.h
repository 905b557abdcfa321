/* SPDX-License-Identifier: MIT */
/* The cloud's rig (cloud_rig.h) with the mqtt cloud at its broker h. */
#ifndef TEST_MQTT_RIG_H
#define TEST_MQTT_RIG_H

#include "client/cloud/mqtt/mqtt.h"
#include "tests/unit/client/cloud_rig.h"

#define SERVER  "mqtt_server=h\n"
#define COMMAND "miio/7/command"
#define ONLINE  "pub miio/7/status 1 r online\n"

/* Lines of device.conf; it is up then. */
static inline void open_up(const char *lines)
{
    rig_open(&cloud_mqtt_ops, lines);
    rig_expect("connect h:1883\n");
    rig_bring_up(-1);
}

#endif
