/* SPDX-License-Identifier: MIT */
/* An MQTT link's own copy of its configuration. */
#ifndef CLIENT_MQTT_CONFIG_H
#define CLIENT_MQTT_CONFIG_H

#include "client/cloud/io/mqtt_link.h"

bool mqtt_config_is_sound(const struct mqtt_link_config *c);
/* Defaults are filled in. 0 or -ENOMEM. */
int mqtt_config_copy(struct mqtt_link_config *out, const struct mqtt_link_config *from);
void mqtt_config_deinit(struct mqtt_link_config *c);

#endif
