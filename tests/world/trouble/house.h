/* SPDX-License-Identifier: MIT */
/* Home Assistant behind the mqtt cloud: what it is told of the device, and what it could not use. */
#ifndef WORLD_HOUSE_H
#define WORLD_HOUSE_H

#include <stddef.h>

/* Lines of device.conf, as snprintf(); puts the file that they name. */
int house_conf(char *out, size_t room);
/* A retained message. */
void house_told(const char *topic, const char *text);

#endif
