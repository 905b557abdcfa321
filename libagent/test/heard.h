/* SPDX-License-Identifier: MIT */
/* What a text of the application causes: as the agent, and the client behind it, would handle it. */
#ifndef AG_TEST_HEARD_H
#define AG_TEST_HEARD_H

#include "libagent/test/test.h"

/* Keeps the text or frees it. */
void ag_test_heard(struct agent_test *t, struct test_text *text);

#endif
