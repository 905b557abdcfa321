/* SPDX-License-Identifier: MIT */
/* What callbacks of the promises' tests have seen. */
#ifndef TEST_PROMISES_RIG_H
#define TEST_PROMISES_RIG_H

#include "agent/agent.h"
#include <stdbool.h>

/* What callbacks of a test have seen, and what they are to do. */
struct seen {
    agent_conn *conn;
    agent_slot *slot;
    int n_ends, n_good, n_after, status, result, n_lines, n_states;
    enum agent_state states[16];
    bool closed; /* agent_close() has returned: no callback may come */
    int do_what;
};

void seen_note(struct seen *s);
void seen_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user);
int seen_on_nothing(agent_request *req, void *user);

#endif
