/* SPDX-License-Identifier: MIT */
/*
 * The bridge's serial side: what comes down at get_down, what result and error end, and the dispatch of every
 * line. mcu_bridge_feed() stands here; below is what it shares with bridge.c, and nobody else.
 */
#ifndef MCU_SERVE_H
#define MCU_SERVE_H

#include "agent/apps/mcu/core/bridge.h"

/* Ends every request whose deadline has passed. */
void mcu_bridge_expire(struct mcu_bridge *b, uint64_t now_ms);
/* Takes the first waiting job out of the queue, which must not be empty. */
struct mcu_job *mcu_bridge_pop(struct mcu_bridge *b);
/* The job's results are complete: prints its answer. */
void mcu_bridge_finish(struct mcu_bridge *b, struct mcu_job *job);
/* Ends the request that is with the MCU with an error. */
void mcu_bridge_end_out(struct mcu_bridge *b, int code, const char *message);
/* The transfer of an update has ended, one way or the other: the line carries lines again. */
void mcu_bridge_update_left(struct mcu_bridge *b);

#endif
