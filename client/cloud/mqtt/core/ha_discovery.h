/*
 * Home Assistant's MQTT discovery: one retained configuration message for each property of the device, made from a list
 * of properties. Two forms of list are understood:
 *
 *   {"name"?,"manufacturer"?,"model"?,"properties":[{"name","type","label"?,"unit"?,"device_class"?,...},...]}
 *       type  switch         "on"?, "off"? (values, "on" and "off"), "set": method
 *             binary_sensor  "on"?, "off"?
 *             number         "min"?, "max"?, "step"?, "set"
 *             select         "options": [texts], "set"
 *             text           "set"
 *             sensor
 *   a MIoT specification instance: {"type":"urn:miot-spec-v2:device:...","services":[{"iid","properties":[...]},...]}
 *
 * States are read from the device's retained state topic (an object by property name, "siid.piid" for MIoT), commands
 * go to its command topic as JSON. A core: a file's text in, topics and payloads out.
 * Source: Home Assistant documentation, "MQTT Discovery".
 */
#ifndef CLIENT_HA_DISCOVERY_H
#define CLIENT_HA_DISCOVERY_H

#include "libagent/core/buf.h"

enum { HA_ENTITIES_MAX = 256, HA_FILE_MAX = 1 << 20 };

struct ha_device {
    const char *prefix; /* of discovery topics: "homeassistant" */
    const char *did; /* decimal */
    const char *model;
    const char *vendor;
    const char *state_topic, *command_topic, *status_topic;
};

/* topic and payload are borrowed for the call; not 0 ends the building with that value. */
typedef int (*ha_config_fn)(void *user, const char *topic, struct ag_span payload);

/* 0; -ENOMEM; -EINVAL with *why_out (a constant); or what fn returned. The whole list is checked before the first call. */
int ha_discovery_build(struct ag_span list, const struct ha_device *device, ha_config_fn fn, void *user,
                       const char **why_out);

#endif
