/* SPDX-License-Identifier: MIT */
/* Firmware for miio_ota: who offers it, the server that has it, and the hook that installs it. */
#ifndef WORLD_FIRMWARE_H
#define WORLD_FIRMWARE_H

#include <stdbool.h>
#include <uv.h>
#include "tests/world/uv/spawned.h"

void firmware_open(void);
/* Its MD5, in hex. */
void firmware_sum(const char *p, size_t n, char out[33]);
/* Whether a program that is started is the installation. */
bool firmware_spawns(const uv_process_options_t *o, struct spawned *out);
/* The power was cut: an installation does not run on. */
void firmware_boots(void);
/* Bad luck with the server; and its end. */
void firmware_suffers(int arg);
void firmware_is_well(void);
/* All faults are over for minutes: nothing is under way for ever. Asks; the answer is looked at when it comes. */
void firmware_looks(void);
void firmware_answered(uint64_t n, const char *text);
/* miio_ota dies with an update under way, and goes on with it. */
void firmware_dies(void);

#endif
