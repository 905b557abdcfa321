/* SPDX-License-Identifier: MIT */
/*
 * What the library itself has to say to the agent, and the calls that wait for a connection. All of it counts in the queue
 * limit; what finds no room waits, and goes in the order bind, keys, status, calls.
 */
#ifndef AG_DUE_H
#define AG_DUE_H

#include "libagent/conn/conn.h"

/* Tells the agent about a key. 0, -ENOMEM, -ENOBUFS. */
int ag_key_register(struct agent_conn *c, struct ag_key *key);
/* Does so again after a pause. */
void ag_key_wait_busy(struct agent_conn *c, struct ag_key *key);
/* Claims address, or when that is 0 gives up the present one. 0, -ENOMEM, -ENOBUFS. */
int ag_conn_queue_bind(struct agent_conn *c, uint32_t address);
/* Sends local.query_status if somebody follows the status. 0, -ENOMEM, -ENOBUFS; asked again at the deadline. */
int ag_conn_query_status(struct agent_conn *c);
/* Queues what is due, as far as the limit allows. 0, -ENOMEM. */
int ag_conn_send_due(struct agent_conn *c);

/* Gives the socket what is queued, as far as it takes it, and queues what waited for room. */
void ag_due_flush(struct agent_conn *c);
/* The same, unless agent_process() will do it anyway. */
void ag_due_kick(struct agent_conn *c);

#endif
