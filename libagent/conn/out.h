/* SPDX-License-Identifier: MIT */
/*
 * Texts on their way to the agent, in the encoding of the connection: queued within the limit, and given to the socket.
 */
#ifndef AG_OUT_H
#define AG_OUT_H

#include "libagent/conn/conn.h"

/* Queues one JSON text in the encoding of the connection. 0, -ENOBUFS, -ENOMEM, AGENT_E_JSON, -EMSGSIZE, -ENOTCONN. */
int ag_conn_queue(struct agent_conn *c, struct ag_span json);
/* The same, even past the limit, for what must not be left out. */
int ag_conn_queue_own(struct agent_conn *c, struct ag_span json);
/* Is there room for so many bytes within the limit? A single text may be larger than that. */
bool ag_conn_has_room(const struct agent_conn *c, size_t n);
/* 0: the text can be carried, as far as can be known now; AGENT_E_JSON, -EMSGSIZE, -ENOMEM. */
int ag_conn_check_form(struct agent_conn *c, struct ag_span json);
/* Clears c->text for a new text. */
struct ag_buf *ag_conn_scratch(struct agent_conn *c);
/* Gives the socket what is queued, no more. */
void ag_out_write(struct agent_conn *c);

#endif
