/* SPDX-License-Identifier: MIT */
/* The client's MQTT API, and what the mqtt cloud retains: a broker of the house, and what must be there. */
#ifndef WORLD_CHANNELS_H
#define WORLD_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

struct side;

/* Lines of device.conf, as snprintf(). */
int channels_conf(char *out, size_t room);
void channels_open(void);
/* A retained message of the mqtt cloud. */
void channels_retained(struct side *s, const char *topic, const char *text);
/* What was retained may go. */
void channels_forgiven(void);

#endif
