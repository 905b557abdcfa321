/* SPDX-License-Identifier: MIT */
/*
 * Home Assistant's device discovery from a device's model: one retained message with every component, made from a MIoT-Spec
 * instance. Services that Home Assistant has a platform for become one component each (light, fan, cover, climate, humidifier,
 * vacuum, water_heater); what these do not use, and everything else, becomes a switch, number, select, text, sensor,
 * binary_sensor, button or event by its format and access; the firmware becomes an update.
 *
 * States are read from the device's retained state topic, an object by "siid.piid"; commands go to its command topic as
 * set_properties and action; events come from its report topic. A vacuum's state has no template at Home Assistant, so it
 * has a topic of its own, see ha_vacuum.h.
 *
 * A core: a model in, one payload out. Source: Home Assistant documentation, "MQTT Discovery" and the page of each platform.
 */
#ifndef CLIENT_HA_MODEL_H
#define CLIENT_HA_MODEL_H

#include "client/cloud/mqtt/core/ha/ha_device.h"
#include "client/cloud/mqtt/core/ha/ha_text.h"
#include "libagent/model/core/spec.h"

struct ha_model_message {
    struct ha_text payload;
    struct ha_text components; /* "KEY PLATFORM\n" each: what a later message must take back when it no longer has it */
    unsigned n, n_left_out;    /* components in the message; those beyond bytes_max */
};

/*
 * keep: lines "KEY PLATFORM" of an earlier message. When one of them is no longer in the new message, or has another platform
 * there, *gone (unless gone is NULL) is the message to send first: it has these components cut down to their platform, which
 * takes them back. Otherwise it is empty. 0 or -ENOMEM; out is for ha_model_message_deinit() either way.
 */
int ha_model_build(const struct model *m, const struct ha_model_device *d, struct ag_span keep, struct ha_model_message *out,
                   struct ha_text *gone);
void ha_model_message_deinit(struct ha_model_message *message);

/* Length of "PREFIX/device/miio_DID/config", as snprintf(). */
int ha_model_topic(char *out, size_t n, const char *prefix, const char *did);

#endif
