/* SPDX-License-Identifier: MIT */
/* miio_mcu's world: the line, the MCU on it, and what clouds want of it. */
#ifndef WORLD_BRIDGE_H
#define WORLD_BRIDGE_H

void bridge_open(void);
void bridge_at_rest(void);
void bridge_suffers(int arg);
void bridge_is_well(void);

#endif
