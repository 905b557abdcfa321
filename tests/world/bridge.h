/* SPDX-License-Identifier: MIT */
/* miio_mcu's world: the line, the MCU on it, and what clouds want of it. */
#ifndef WORLD_BRIDGE_H
#define WORLD_BRIDGE_H

#include <stdint.h>

void bridge_open(void);
void bridge_at_rest(void);
void bridge_suffers(int arg);
void bridge_is_well(void);
void bridge_answered(uint64_t n, const char *text);
/* miio_mcu ends while commands wait for the MCU. */
void bridge_ends(void);

#endif
