/* SPDX-License-Identifier: MIT */
/* The commands that the module answers from what it knows: identity, network, time, settings, control. */
#ifndef MCU_COMMANDS_H
#define MCU_COMMANDS_H

#include "agent/apps/mcu/core/bridge.h"

/* Serves the line's command, reply included. False: not one of these. */
bool mcu_commands_run(struct mcu_bridge *b, const struct mcu_words *words, const struct mcu_clock *clock);

#endif
