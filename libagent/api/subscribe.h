/* SPDX-License-Identifier: MIT */
/* Keys that have been registered, and what came of it. */
#ifndef AG_SUBSCRIBE_H
#define AG_SUBSCRIBE_H

#include "libagent/conn/conn.h"

/* Waits for the answer to a registration. */
void ag_key_count(struct agent_conn *c, struct ag_key *key);
/* The agent's answer for a key that was registered. */
void ag_key_registered(struct agent_conn *c, struct ag_key *key, int status);
/* A standby has become the owner. */
void ag_key_taken_over(struct agent_conn *c, struct ag_key *key);

#endif
