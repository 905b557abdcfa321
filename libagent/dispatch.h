/* SPDX-License-Identifier: MIT */
/* One text from the agent: an answer to somebody who waits, or a command for one of the keys. */
#ifndef AG_DISPATCH_H
#define AG_DISPATCH_H

#include "libagent/conn/conn.h"

/* text is written to: values get an end mark, so that callbacks can have C strings without a copy. */
void ag_dispatch(struct agent_conn *c, char *text, size_t len, const struct ag_json_view *v);

/* Tells the followers of local.status. */
void ag_conn_tell_status(struct agent_conn *c, const char *word);

#endif
