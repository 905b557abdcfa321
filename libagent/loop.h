/* SPDX-License-Identifier: MIT */
/* Between the connection's decisions and its socket: the turn of agent_process(). */
#ifndef AG_LOOP_H
#define AG_LOOP_H

#include "libagent/conn.h"

/* Gives the socket what is queued, as far as it takes it, and queues what waited for room. */
void ag_loop_flush(struct agent_conn *c);

#endif
