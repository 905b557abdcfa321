/* SPDX-License-Identifier: MIT */
/*
 * A unit test of the lamp: no agent, no network, no waiting. Each test makes a lamp and an agent of its own
 * for it (libagenttest), gives it commands, and looks at its answers, its reports and itself. A check that
 * fails is printed with its line, and aborts; a test framework's own way to fail can be given to
 * agent_test_new() instead.
 *
 *     ./example_test_lamp
 */
#define LAMP_IN_A_TEST /* a larger application has its handlers in files of their own, and links them */
#include "lamp.c"

#include <agent/test.h>
#include <assert.h>

static agent_test *begin(struct lamp *lamp)
{
    agent_test *t;

    *lamp = (struct lamp){NULL, "lamp", false, 80};
    assert(agent_new(&lamp->conn) == 0);
    t = agent_test_new(lamp->conn, NULL);
    assert(serve(lamp, NULL) == 0); /* it opens its connection as ever */
    return t;
}

static void end(struct lamp *lamp, agent_test *t)
{
    agent_test_expect_nothing(t); /* and no answer or report that the test has not looked at */
    lamp->conn = agent_unref(lamp->conn);
    agent_test_free(t);
}

static void it_is_switched_on(void)
{
    struct lamp lamp;
    agent_test *t = begin(&lamp);
    uint32_t id = agent_test_command(t, "set_power", "[\"on\"]");

    agent_test_expect_result(t, id, "[\"ok\"]");
    agent_test_expect_report(t, "props", "{\"power\":\"on\",\"bright\":80}");
    assert(lamp.on);
    id = agent_test_command(t, "set_power", "[\"on\"]"); /* it is on already: nothing to report */
    agent_test_expect_result(t, id, "[\"ok\"]");
    end(&lamp, t);
}

static void what_is_wrong_is_refused(void)
{
    static const char *const wrong[] = {"[\"blue\"]", "[]", "[1]", "{}"};
    struct lamp lamp;
    agent_test *t = begin(&lamp);

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        agent_test_expect_error(t, agent_test_command(t, "set_power", wrong[i]), AGENT_CODE_INVALID_PARAMS);
    agent_test_expect_error(t, agent_test_command(t, "set_bright", "[101]"), AGENT_CODE_INVALID_PARAMS);
    assert(!lamp.on && lamp.bright == 80);
    end(&lamp, t);
}

static void its_properties_are_told(void)
{
    struct lamp lamp;
    agent_test *t = begin(&lamp);
    uint32_t id = agent_test_command(t, "get_prop", "[\"bright\",\"power\",\"colour\"]");

    agent_test_expect_result(t, id, "[80,\"off\",null]");
    end(&lamp, t);
}

static void it_works_without_a_cloud(void)
{
    struct lamp lamp;
    agent_test *t = begin(&lamp);
    uint32_t id;

    agent_test_acknowledge(t, 0); /* nobody takes the report */
    agent_test_expect_result(t, agent_test_command(t, "toggle", NULL), NULL);
    agent_test_expect_report(t, "props", NULL);
    agent_test_advance(t, AGENT_CALL_TIMEOUT_MS); /* half a minute, at once */
    agent_test_expect_result(t, agent_test_command(t, "toggle", NULL), NULL);
    id = agent_test_expect_report(t, "props", NULL);
    agent_test_answer_error(t, id, AGENT_CODE_NOT_CONNECTED, "not connected");
    end(&lamp, t);
}

static void it_comes_back_after_the_agent(void)
{
    struct lamp lamp;
    agent_test *t = begin(&lamp);

    agent_test_run(t);
    assert(agent_get_state(lamp.conn) == AGENT_READY);
    agent_test_stop(t);
    agent_test_advance(t, 60 * 1000);
    assert(agent_get_state(lamp.conn) == AGENT_CONNECTING);
    agent_test_start(t);
    agent_test_advance(t, 5000); /* the longest pause between two tries */
    agent_test_expect_result(t, agent_test_command(t, "get_prop", "[\"power\"]"), "[\"off\"]");
    end(&lamp, t);
}

int main(void)
{
    it_is_switched_on();
    what_is_wrong_is_refused();
    its_properties_are_told();
    it_works_without_a_cloud();
    it_comes_back_after_the_agent();
    puts("test_lamp: ok");
    return 0;
}
