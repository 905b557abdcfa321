/* SPDX-License-Identifier: MIT */
/*
 * The seam for tests: whether a connection object takes its time, its socket and its sleep from the machine or from a test.
 * libagenttest uses it. Not installed, not part of the API, exported under a symbol node of its own (LIBAGENT_TEST_0). What
 * is in that node does not change once it has been released; another form would get another node.
 */
#ifndef AG_SEAM_H
#define AG_SEAM_H

#include <stdbool.h>
#include "agent/agent.h"

struct agent_seam {
    /* The clock: never goes back. */
    uint64_t (*now_ms)(void *user);
    /* In place of a connect: a connected descriptor that does not block, which becomes the object's, or -errno. */
    int (*connect)(bool packets, void *user);
    /* In place of a sleep when nothing has happened yet; timeout_ms as for poll(). 1: something may have; 0: time is up. */
    int (*wait)(int timeout_ms, void *user);
    /* The object has been closed and is about to be freed. */
    void (*gone)(void *user);
};

/*
 * seam is borrowed as long as it is set; NULL goes back to the machine. Once set, ids count from 1 and pauses are the same
 * each time. -EBUSY: it has one, or something has been begun by the machine's clock (a connect, a call, a timer).
 */
AGENT_API int agent_seam_set(agent_conn *conn, const struct agent_seam *seam, void *user);
/* 1 while a callback of the connection is on the stack. */
AGENT_API int agent_seam_in_callback(agent_conn *conn);

#endif
