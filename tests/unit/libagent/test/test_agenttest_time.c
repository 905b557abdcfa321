/* SPDX-License-Identifier: MIT */
/* The agent for unit tests: its clock, which is the test's. */
#include <string.h>
#include "tests/unit/libagent/test/app_rig.h"

/* ---- time ---- */

static void timers_run_by_the_tests_clock(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    agent_timer(app.conn, NULL, 1000, 500, app_on_timer, &app);
    agent_timer(app.conn, NULL, 1200, 0, app_on_timer, &app);
    app_open(&app);
    agent_test_advance(app.t, 999);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "1000;");
    agent_test_advance(app.t, 1000);
    assert_seen(&app, "1200;1500;2000;");
    agent_test_advance(app.t, 86400u * 1000);
    assert_int_equal(agent_test_now(app.t), 86402000);
    assert_non_null(strstr(app.seen, "2500;3000;3500;"));
    app_end(&app);
}

static void a_call_times_out_to_the_millisecond(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    app_open(&app);
    agent_call(app.conn, NULL, "x", NULL, 0, app_on_end, &app);
    agent_test_advance(app.t, AGENT_CALL_TIMEOUT_MS - 1);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "-4002 -;");
    app_end(&app);
}

static void stop_at(agent_conn *conn, void *user)
{
    struct app *app = user;
    uint32_t id = agent_test_command(app->t, "late", "[5]"); /* is delivered when this has returned */

    assert_true(id > 0);
    app_on_timer(conn, user);
    agent_stop(conn, 42);
}

static void step(agent_conn *conn, void *user)
{
    (void) conn;
    agent_test_command(((struct app *) user)->t, "late", "[3]");
}

static void agent_run_takes_no_time(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    app_serve(&app, "late");
    app_open(&app);
    agent_timer(app.conn, NULL, 60000, 0, step, &app);
    agent_timer(app.conn, NULL, 3600000, 0, stop_at, &app);
    assert_int_equal(agent_run(app.conn), 42);
    assert_seen(&app, "late[3];3600000;");
    agent_test_run(app.t);
    assert_seen(&app, "late[5];");
    app_end(&app);
}

static void the_order_of_what_is_due_is_kept(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    agent_set_on_state(app.conn, app_on_state, &app);
    app_serve(&app, "k");
    agent_test_slow(app.t, 50);
    agent_timer(app.conn, NULL, 49, 0, app_on_timer, &app);
    agent_timer(app.conn, NULL, 51, 0, app_on_timer, &app);
    app_open(&app);
    agent_test_advance(app.t, 1000);
    assert_seen(&app, "connecting;connected;49;ready;51;");
    app_end(&app);
}

static void every_run_is_the_same(void **state)
{
    char first[4096] = "";
    struct app app;

    (void) state;
    for (int run = 0; run < 3; run++) {
        app_begin(&app);
        agent_test_stop(app.t);
        agent_set_on_state(app.conn, app_on_state, &app);
        app_open(&app);
        for (int i = 0; i < 20; i++) {
            agent_test_advance(app.t, 37);
            app_note(&app, "%d ", agent_get_timeout_ms(app.conn));
        }
        agent_test_start(app.t);
        agent_test_advance(app.t, 5000);
        agent_call(app.conn, NULL, "x", NULL, 0, app_on_end, &app);
        app_note(&app, "id %u", (unsigned) agent_test_expect_call(app.t, "x", NULL));
        if (run == 0)
            memcpy(first, app.seen, sizeof first);
        assert_string_equal(app.seen, first);
        app_end(&app);
    }
}

/* ---- beginning and end ---- */

static void two_agents_have_two_clocks(void **state)
{
    struct app a, b;

    (void) state;
    app_begin(&a);
    app_begin(&b);
    agent_timer(a.conn, NULL, 10, 0, app_on_timer, &a);
    agent_timer(b.conn, NULL, 10, 0, app_on_timer, &b);
    agent_test_advance(a.t, 10);
    assert_seen(&a, "10;");
    assert_seen(&b, "");
    app_end(&a);
    app_end(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_run_by_the_tests_clock), cmocka_unit_test(a_call_times_out_to_the_millisecond),
        cmocka_unit_test(agent_run_takes_no_time),       cmocka_unit_test(the_order_of_what_is_due_is_kept),
        cmocka_unit_test(every_run_is_the_same),         cmocka_unit_test(two_agents_have_two_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
