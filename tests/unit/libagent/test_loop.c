/* SPDX-License-Identifier: MIT */
/* libagent/loop: what waits for room goes when there is room, without anybody's doing. */
#include "tests/unit/libagent/fake.h"

#include <stdio.h>
#include <string.h>

enum { N_KEYS = 60, N_CALLS = 30, LIMIT = 4096 };

static int on_nothing(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, NULL);
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    int *n = user;

    (void) conn;
    (void) status;
    (void) result;
    (void) error;
    ++*n;
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* More registrations and calls than the queue takes at once, all of them made before there is a connection. */
static void calls_that_met_a_full_queue_go_when_it_is_empty(void **state)
{
    static struct fake f;
    agent_conn *conn = NULL;
    char name[64], params[80];
    unsigned n_calls = 0;
    int n_ends = 0;

    (void) state;
    fake_init(&f, false);
    assert_int_equal(agent_new(&conn), 0);
    assert_int_equal(agent_set_queue_limit(conn, LIMIT), 0);
    for (int i = 0; i < N_KEYS; i++) {
        snprintf(name, sizeof name, "a_key_of_some_length.%02d", i);
        assert_true(agent_subscribe(conn, NULL, name, on_nothing, NULL) >= 0);
    }
    memset(params, 'x', sizeof params);
    params[0] = params[sizeof params - 2] = '"';
    params[sizeof params - 1] = '\0';
    for (int i = 0; i < N_CALLS; i++)
        assert_true(agent_call(conn, NULL, "a_call", params, 0, on_end, &n_ends) >= 0);
    assert_true(agent_open(conn, f.address) >= 0);
    fake_turn_until_state(conn, AGENT_CONNECTED);
    fake_accept(&f);
    for (int round = 0; round < 1000 && n_calls < N_CALLS; round++) { /* nobody calls, and nothing comes */
        fake_turn(conn);
        if (fake_has_heard(&f))
            n_calls += count(fake_hear(&f), "\"a_call\"");
    }
    assert_int_equal(n_calls, N_CALLS);
    agent_close(conn);
    assert_int_equal(n_ends, N_CALLS);
    agent_unref(conn);
    fake_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(calls_that_met_a_full_queue_go_when_it_is_empty)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
