/* SPDX-License-Identifier: MIT */
/* What the agent says, on its way to the application. */
#ifndef AG_TEST_SPEAK_H
#define AG_TEST_SPEAK_H

#include "libagent/test/test.h"

/* The test's own buffer, so that nothing is leaked when what is to be said fails. */
struct ag_buf *ag_test_scratch(struct agent_test *t);

/* A text of the agent, at once or, by itself, when it is due. */
void ag_test_say(struct agent_test *t, struct ag_span json);
void ag_test_say_slowly(struct agent_test *t, struct ag_span json);
/* Answers a call of the application: result or error, JSON. */
void ag_test_answer_call(struct agent_test *t, struct test_call *call, const char *member, const char *json, bool slowly);

#endif
