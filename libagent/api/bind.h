/* SPDX-License-Identifier: MIT */
/* The address of this connection among applications. */
#ifndef AG_BIND_H
#define AG_BIND_H

#include "libagent/conn/conn.h"

/* Tells the log and on_bound what became of the claim. */
void ag_conn_bound(struct agent_conn *c, int status);

#endif
