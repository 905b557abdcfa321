/* SPDX-License-Identifier: MIT */
/* The Gizwits cloud: registers the device over HTTP, talks to Apps over MQTT 3.1. Keys of device.conf: gizwits_conf.h. */
#ifndef CLIENT_GIZWITS_H
#define CLIENT_GIZWITS_H

#include "client/cloud/cloud.h"

extern const struct cloud_ops cloud_gizwits_ops;

#endif
