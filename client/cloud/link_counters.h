/* What an MQTT link counts, told as the counters of the cloud that owns it (cloud_ops.counters). */
#ifndef CLIENT_LINK_COUNTERS_H
#define CLIENT_LINK_COUNTERS_H

#include "client/cloud/cloud.h"
#include "client/cloud/io/mqtt_link.h"

void cloud_tell_link(const struct mqtt_link *l, cloud_tell_fn *tell);

#endif
