/* SPDX-License-Identifier: MIT */
/* Texts to the agent: calls, whose slot waits for the answer, and what wants none. */
#ifndef AG_CALL_H
#define AG_CALL_H

#include "libagent/conn/slot.h"
#include "libagent/text/encode.h"

/* 0: the connection may send under this name; -ECHILD, -ESHUTDOWN, and as ag_encode_check_name(). */
int ag_call_check(const struct agent_conn *c, const char *method);
/* As agent_call(); m has been checked, its id is drawn here. */
int ag_call_start(struct agent_conn *c, struct agent_slot **ret_slot, const struct ag_request_parts *m, unsigned timeout_ms,
                  agent_call_fn fn, void *user);
/* A report: a call when there is a callback; else sent without an id, or kept for wait_ms while it cannot be (0: not). */
int ag_call_report(struct agent_conn *c, const struct ag_request_parts *m, agent_call_fn fn, void *user);

/* Ends a hooked call: its callback runs, once. */
void ag_call_end(struct agent_slot *slot, int status, const char *result, const char *error);

#endif
