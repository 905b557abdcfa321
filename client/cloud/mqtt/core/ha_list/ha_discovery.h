/* SPDX-License-Identifier: MIT */
/*
 * Home Assistant's MQTT discovery for a device without a model: one retained configuration message for each property,
 * made from a small list. A device with a model has one message for all, see ha_model.h.
 *
 *   {"name"?,"manufacturer"?,"model"?,"properties":[{"name","type","label"?,...},...]}
 *       type  switch         "on"?, "off"? (values, "on" and "off"), "set": method, "device_class"?
 *             binary_sensor  "on"?, "off"?, "device_class"?, "expire_after"?, "force_update"?, "off_delay"?
 *             number         "min"?, "max"?, "step"?, "mode"?, "unit"?, "device_class"?, "set"
 *             select         "options": [texts], "set"
 *             text           "min"?, "max"?, "mode"?, "pattern"?, "set"
 *             sensor         "unit"?, "device_class"?, "state_class"?, "suggested_display_precision"?, "expire_after"?,
 *                            "force_update"?
 *       any   "icon"?, "entity_category"?, "entity_picture"?, "enabled_by_default"?
 *
 * Any other member, and one that its type does not have, is refused. States are read from the device's retained state topic, an
 * object by property name; commands go to its command topic as JSON. A core: a file's text in, topics and payloads out.
 * Source: Home Assistant documentation, "MQTT Discovery".
 */
#ifndef CLIENT_HA_DISCOVERY_H
#define CLIENT_HA_DISCOVERY_H

#include "client/cloud/mqtt/core/ha_list/ha_config.h"
#include "libagent/core/util.h"

enum { HA_ENTITIES_MAX = 256, HA_FILE_MAX = 1 << 20 };

/* topic and payload are borrowed for the call; not 0 ends the building with that value. */
typedef int (*ha_config_fn)(void *user, const char *topic, struct ag_span payload);

/*
 * 0; -ENOMEM; -EINVAL with one line in why, of n bytes; or what fn returned. The whole list is checked before the first
 * call; fn NULL: that is all.
 */
int ha_discovery_build(struct ag_span list, const struct ha_device *device, ha_config_fn fn, void *user, char *why, size_t n);

#endif
