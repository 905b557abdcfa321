/* SPDX-License-Identifier: MIT */
/* Home Assistant's configuration message of one property of the small list. A core. */
#ifndef CLIENT_HA_CONFIG_H
#define CLIENT_HA_CONFIG_H

#include "client/cloud/mqtt/core/ha_list/ha_property.h"
#include "libagent/core/buf.h"

struct ha_device {
    const char *prefix; /* of discovery topics: "homeassistant" */
    const char *did;    /* decimal */
    const char *model;
    const char *vendor;
    const char *state_topic, *command_topic, *status_topic;
};

/* What the list says about the device. JSON strings; absent: the device's own. */
struct ha_of_device {
    struct ag_span name, manufacturer, model;
};

/* name: what the property is called, as text. 0 or -ENOMEM. */
int ha_config_build(struct ag_buf *out, const struct ha_device *device, const struct ha_of_device *of_device,
                    const struct ha_property *p, struct ag_span name);

#endif
