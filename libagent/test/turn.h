/* SPDX-License-Identifier: MIT */
/* The test's clock, and the turns in which the connection and its agent come to rest. */
#ifndef AG_TEST_TURN_H
#define AG_TEST_TURN_H

#include "libagent/conn/seam.h"
#include "libagent/test/test.h"

extern const struct agent_seam ag_test_seam;

/* Lets the connection and the agent do all that they can do now. t may be NULL, which fails. */
void ag_test_turn(struct agent_test *t);
/* Handles what the application has sent, and sends what is due. True: there was something. */
bool ag_test_pump(struct agent_test *t);
/* The connection is over: what belonged to it is forgotten. */
void ag_test_end(struct agent_test *t);

#endif
