/* SPDX-License-Identifier: MIT */
/* What happens to a connection: bytes, time, a socket that comes and goes, the end. User callbacks run inside. */
#ifndef AG_EVENTS_H
#define AG_EVENTS_H

#include "libagent/conn/conn.h"

/* The socket is up: everything wanted is sent to the agent. 0; -ENOMEM: to be given up. */
int ag_conn_on_up(struct agent_conn *c, uint64_t now_ms);
/* Bytes that came. They are written to (end marks). 0 or -errno, AGENT_E_PROTOCOL: the connection cannot go on. */
int ag_conn_on_bytes(struct agent_conn *c, char *data, size_t n);
/* The socket is gone: calls end with AGENT_E_LOST, the next try is planned. */
void ag_conn_on_down(struct agent_conn *c, uint64_t now_ms);
/* Nothing could be connected to: the next try is planned. */
void ag_conn_on_refused(struct agent_conn *c, uint64_t now_ms);
/* Ends what is overdue. */
void ag_conn_on_time(struct agent_conn *c, uint64_t now_ms);
/* Memory is short: the connection is given up, to be made again. -ENOMEM. */
int ag_conn_give_up(struct agent_conn *c, uint64_t now_ms);
/* Tells the calls that have ended so. */
void ag_conn_tell_ending(struct agent_conn *c);
/* Runs what has been posted by now. */
void ag_conn_run_posts(struct agent_conn *c);
/* When ag_conn_on_time() or the next try is due; AG_NEVER: not by itself. */
uint64_t ag_conn_deadline(const struct agent_conn *c);

/* Becomes AGENT_READY when no registration is waited for any more. */
void ag_conn_check_ready(struct agent_conn *c);
/* Tells on_state when the state has changed since. */
void ag_conn_tell_state(struct agent_conn *c);
/* Tells the log what waits for it. */
void ag_conn_tell_log(struct agent_conn *c);

/* For agent_close(): the socket goes, and every call ends. */
void ag_conn_close(struct agent_conn *c);
/* agent_conn.end: the same, then subscriptions and timers end and requests are let go of: nothing of the application is left. */
void ag_conn_end(struct agent_conn *c);

#endif
