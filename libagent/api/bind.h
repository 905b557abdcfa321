/* SPDX-License-Identifier: MIT */
/* The address of this connection among applications. */
#ifndef AG_BIND_H
#define AG_BIND_H

#include "libagent/conn/conn.h"

/* What became of the claim, to the log and to on_bound. */
void ag_conn_bound(struct agent_conn *c, int status);

#endif
