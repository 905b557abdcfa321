/* SPDX-License-Identifier: MIT */
/*
 * The agent of one connection object, in the test that has it. What the application sends comes in through
 * link, is handled in heard.c as the agent and the client behind it would, and waits in sent until the test
 * takes it. What the agent says leaves by speak.c. turn.c has the clock and lets the connection run; say.c, expect.c and
 * settings.c are what the test calls, and stand above all of that.
 *
 * What cannot go on ends in ag_test_fail(), which does not return and may leave by longjmp().
 */
#ifndef AG_TEST_TEST_H
#define AG_TEST_TEST_H

#include <sys/types.h>

#define AGENT_TEST_NO_PLACES
#include "agent/test.h"
#include "libagent/core/list.h"
#include "libagent/test/link.h"
#include "libagent/core/deadline.h"

enum { AG_TEST_START_MS = 1000 };

/* A text that the application sent. */
struct test_text {
    struct ag_list link; /* agent_test.inbox or .sent */
    struct ag_json_view view;
    struct ag_buf json; /* a C string, too */
    bool has_id;
    uint32_t id;
};

/* A call of the application, until it is answered; a command of the test, until it has taken the answer. */
struct test_call {
    struct ag_list link; /* agent_test.calls or .commands */
    uint32_t id;
    uint32_t to; /* of a call to other applications: their addresses */
    char method[];
};

/* Calls that are answered without the test. */
struct test_service {
    struct ag_list link; /* agent_test.services */
    char *result;        /* or: */
    agent_test_call_fn fn;
    void *user;
    char method[];
};

/* A text of an agent that is slow. */
struct test_later {
    struct ag_deadline due; /* in agent_test.later */
    struct ag_buf json;
};

struct agent_test {
    agent_conn *conn; /* borrowed; NULL: gone */
    agent_test_fail_fn fail;
    pid_t owner;      /* a forked child has a copy, but shares the socket */
    const char *file; /* of the last call of the test */
    int line;
    uint64_t now_ms; /* the connection's clock, from AG_TEST_START_MS on */
    bool failed;     /* by longjmp(), perhaps out of a callback */
    bool turning;    /* the connection runs, and we with it */
    bool pumping;    /* texts are being treated */
    bool stopped, old, acknowledges;
    unsigned slow_ms;
    uint32_t address; /* what the application has claimed; 0: none */
    int address_code; /* claims are refused with this; 0: accepted */
    uint32_t last_id;
    struct test_text *shown; /* given out by agent_test_next() */
    struct ag_list inbox, sent, calls, commands, services, later, keys;
    struct ag_buf text; /* scratch: what is being said */
    struct test_link link;
};

_Noreturn void ag_test_fail(struct agent_test *t, const char *format, ...) ag_printf_like(2, 3);
/* Fails the test if r is negative: for what can only run out of memory. */
void ag_test_must(struct agent_test *t, int r);
/* Zeroed, or the test fails. */
void *ag_test_alloc(struct agent_test *t, size_t n);
bool ag_test_is_ours(const struct agent_test *t);
void ag_test_text_free(struct test_text *text);
/* NULL: the method is not served. */
struct test_service *ag_test_service_find(struct agent_test *t, const char *method);

#endif
