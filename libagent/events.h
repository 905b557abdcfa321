/* SPDX-License-Identifier: MIT */
/* What happens to a connection: bytes, time, a socket that comes and goes, the end. User callbacks run inside. */
#ifndef AG_EVENTS_H
#define AG_EVENTS_H

#include "libagent/conn/conn.h"

/* The socket is up: everything wanted is sent to the agent. 0; -ENOMEM: the connection is to be given up. */
int ag_conn_on_up(struct agent_conn *c, uint64_t now_ms);
/* Bytes that came; end marks are written into them. 0 or -errno, AGENT_E_PROTOCOL: the connection cannot go on. */
int ag_conn_on_bytes(struct agent_conn *c, char *data, size_t n);
/* The socket is gone: calls end with AGENT_E_LOST, the next try is planned. */
void ag_conn_on_down(struct agent_conn *c, uint64_t now_ms);
/* No address could be connected to: the next try is planned. */
void ag_conn_on_refused(struct agent_conn *c, uint64_t now_ms);
/* Ends what is overdue. */
void ag_conn_on_time(struct agent_conn *c, uint64_t now_ms);
/* Memory is short: the connection is given up, to be made again later. Returns -ENOMEM. */
int ag_conn_give_up(struct agent_conn *c, uint64_t now_ms);
/* Runs the callbacks of the calls that have ended. */
void ag_conn_tell_ending(struct agent_conn *c);
/* Runs what has been posted by now. */
void ag_conn_run_posts(struct agent_conn *c);
/* When ag_conn_on_time() or the next try is due; AG_NEVER: neither is. */
uint64_t ag_conn_deadline(const struct agent_conn *c);

/* Becomes AGENT_READY once no answer to a registration is awaited. */
void ag_conn_check_ready(struct agent_conn *c);
/* Tells on_state if the state has changed since it was last told. */
void ag_conn_tell_state(struct agent_conn *c);
/* Tells the log what waits for it. */
void ag_conn_tell_log(struct agent_conn *c);

/* For agent_close(): the socket goes, and every call ends. */
void ag_conn_close(struct agent_conn *c);
/* agent_conn.end: the same, then ends subscriptions and timers and lets go of requests: nothing of the application is left. */
void ag_conn_end(struct agent_conn *c);

#endif
