/* SPDX-License-Identifier: MIT */
/* The agent for unit tests: refusals, an agent that is old or slow, connections that are lost or end. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/libagent/test/app_rig.h"

/* ---- trouble ---- */

static void registrations_are_refused(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    agent_test_refuse(app.t, "k", AGENT_CODE_NOT_PERMITTED);
    agent_subscribe_mode(app.conn, NULL, "k", AGENT_SHARED, app_on_request, app_on_registered, &app);
    agent_subscribe_mode(app.conn, NULL, "l", AGENT_EXCLUSIVE, app_on_request, app_on_registered, &app);
    app_open(&app);
    agent_test_run(app.t);
    assert_int_equal(agent_get_state(app.conn), AGENT_READY);
    assert_seen(&app, "-1;0;");
    assert_int_equal(agent_test_has_key(app.t, "k"), 0);
    assert_int_equal(agent_test_has_key(app.t, "l"), 1);
    FAILS("not subscribed to k; its keys: l", agent_test_command(app.t, "k", NULL));
    agent_test_refuse(app.t, "k", 0);
    agent_test_drop(app.t);
    agent_test_advance(app.t, 100);
    assert_int_equal(agent_test_has_key(app.t, "k"), 1);
    app_end(&app);
}

static void keys_are_given_up(void **state)
{
    agent_slot *slot = NULL;
    struct app app;

    (void) state;
    app_begin(&app);
    agent_subscribe(app.conn, &slot, "k", app_on_request, &app);
    app_open(&app);
    assert_int_equal(agent_test_has_key(app.t, "k"), 1);
    slot = agent_slot_unref(slot);
    assert_int_equal(agent_test_has_key(app.t, "k"), 0);
    app_end(&app);
}

static void a_standby_waits_and_takes_over(void **state)
{
    struct app app;

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        app_begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        agent_test_other_owner(app.t, "k", 1);
        agent_test_other_owner(app.t, "l", 1);
        agent_subscribe_mode(app.conn, NULL, "k", AGENT_STANDBY, app_on_request, app_on_registered, &app);
        agent_subscribe_mode(app.conn, NULL, "l", AGENT_EXCLUSIVE, app_on_request, app_on_registered, &app);
        app_open(&app);
        agent_test_run(app.t);
        assert_seen(&app, "1;-17;");
        assert_int_equal(agent_test_has_key(app.t, "k"), 0);
        agent_test_other_owner(app.t, "k", 0);
        assert_seen(&app, "0;");
        agent_test_expect_result(app.t, agent_test_command(app.t, "k", NULL), NULL);
        FAILS("nobody else can", agent_test_other_owner(app.t, "k", 1));
        app_end(&app);
    }
}

static void an_old_agent_never_answers(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    app_serve(&app, "k");
    app_open(&app);
    agent_test_old(app.t, 1);
    agent_test_advance(app.t, 199);
    assert_int_equal(agent_get_state(app.conn), AGENT_CONNECTED);
    agent_test_advance(app.t, 1);
    assert_int_equal(agent_get_state(app.conn), AGENT_READY);
    agent_test_expect_result(app.t, agent_test_command(app.t, "k", NULL), "[\"ok\"]");
    app_end(&app);
}

static void a_slow_agent_is_waited_for(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    agent_test_slow(app.t, 300);
    agent_test_refuse(app.t, "k", AGENT_CODE_KEY_TAKEN);
    agent_subscribe_mode(app.conn, NULL, "k", AGENT_EXCLUSIVE, app_on_request, app_on_registered, &app);
    app_open(&app);
    agent_test_advance(app.t, 299);
    assert_seen(&app, "0;"); /* guessed after 200 ms, as with an old one */
    agent_test_advance(app.t, 1);
    assert_seen(&app, "-17;");
    agent_report_props(app.conn, "{}", app_on_end, &app);
    agent_test_advance(app.t, 299);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "0 [\"ok\"];");
    agent_report_props(app.conn, "{}", app_on_end, &app);
    agent_test_run(app.t);
    agent_test_drop(app.t); /* what it was about to say is gone with it */
    assert_seen(&app, "-4001 -;");
    agent_test_advance(app.t, 10000);
    app_end(&app);
}

static void a_lost_connection_comes_back(void **state)
{
    struct app app;
    uint32_t id, call;

    (void) state;
    app_begin(&app);
    agent_set_on_state(app.conn, app_on_state, &app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "slow", app_on_keep, NULL), 0);
    app_open(&app);
    id = agent_test_command(app.t, "slow", NULL);
    agent_call(app.conn, NULL, "x", NULL, 0, app_on_end, &app);
    call = agent_test_expect_call(app.t, "x", NULL);
    app.seen[0] = '\0';
    agent_test_drop(app.t);
    assert_seen(&app, "-4001 -;connecting;");
    FAILS("pause before the next try", agent_test_command(app.t, "slow", NULL));
    FAILS("not connected", agent_test_answer(app.t, call, NULL));
    assert_int_equal(agent_reply(app_kept, NULL), AGENT_E_LOST);
    app_kept = agent_request_unref(app_kept);
    agent_test_advance(app.t, 100);
    assert_seen(&app, "connected;ready;");
    FAILS("has not been answered; the application sent nothing", agent_test_expect_result(app.t, id, NULL));
    agent_test_stop(app.t);
    assert_seen(&app, "connecting;");
    FAILS("stopped", agent_test_command(app.t, "slow", NULL));
    agent_test_advance(app.t, 60000);
    assert_seen(&app, "");
    agent_test_start(app.t);
    agent_test_advance(app.t, 5000);
    assert_seen(&app, "connected;ready;");
    app_end(&app);
}

/* ---- beginning and end ---- */

static void what_is_said_at_the_end_is_seen(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    app_open(&app);
    agent_test_run(app.t);
    agent_report_event(app.conn, "bye", NULL, NULL, NULL);
    agent_close(app.conn);
    agent_test_expect_report(app.t, "event.bye", NULL);
    FAILS("has not called agent_open()", agent_test_notify(app.t, "x", NULL));
    app_open(&app);
    agent_test_run(app.t);
    assert_int_equal(agent_get_state(app.conn), AGENT_READY);
    agent_report_event(app.conn, "bye", NULL, NULL, NULL);
    app.conn = agent_unref(app.conn);
    agent_test_expect_report(app.t, "event.bye", NULL);
    FAILS("object is gone", agent_test_notify(app.t, "x", NULL));
    agent_test_advance(app.t, 1000);
    app_end(&app);
}

static int on_drop(agent_request *req, void *user)
{
    struct app *app = user;

    agent_reply(req, NULL);
    app->conn = agent_unref(app->conn);
    return 0;
}

static void the_last_reference_may_go_in_a_callback(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "bye", on_drop, &app), 0);
    app_open(&app);
    agent_test_expect_result(app.t, agent_test_command(app.t, "bye", NULL), NULL);
    assert_null(app.conn);
    app_end(&app);
}

static void the_connection_may_outlive_its_test(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    agent_set_on_state(app.conn, app_on_state, &app);
    app_open(&app);
    agent_call(app.conn, NULL, "x", NULL, 0, app_on_end, &app);
    agent_test_run(app.t);
    app.seen[0] = '\0';
    app.t = agent_test_free(app.t);
    assert_seen(&app, "-4003 -;closed;");
    assert_int_equal(agent_get_state(app.conn), AGENT_CLOSED);
    app.conn = agent_unref(app.conn);
    assert_null(agent_test_free(NULL));
}

static void a_child_keeps_its_hands_off(void **state)
{
    struct app app;
    uint32_t id;
    int status;
    pid_t child;

    (void) state;
    for (volatile int i = 0; i < 2; i++) {
        app_begin(&app);
        assert_int_equal(agent_subscribe(app.conn, NULL, "slow", app_on_keep, NULL), 0);
        app_open(&app);
        id = agent_test_command(app.t, "slow", NULL);
        agent_reply(app_kept, NULL); /* lies in the socket */
        app_kept = agent_request_unref(app_kept);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            app_failing = 1;
            if (setjmp(app_failure) == 0)
                agent_test_next(app.t);
            if (i == 0)
                app.conn = agent_unref(app.conn);
            app.t = agent_test_free(app.t);
            agent_unref(app.conn);
            _exit(!strstr(app_failed_text, "belongs to the parent process"));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        agent_test_expect_result(app.t, id, "[\"ok\"]");
        agent_test_expect_nothing(app.t);
        app_end(&app);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(registrations_are_refused),           cmocka_unit_test(keys_are_given_up),
        cmocka_unit_test(a_standby_waits_and_takes_over),      cmocka_unit_test(an_old_agent_never_answers),
        cmocka_unit_test(a_slow_agent_is_waited_for),          cmocka_unit_test(a_lost_connection_comes_back),
        cmocka_unit_test(what_is_said_at_the_end_is_seen),     cmocka_unit_test(the_last_reference_may_go_in_a_callback),
        cmocka_unit_test(the_connection_may_outlive_its_test), cmocka_unit_test(a_child_keeps_its_hands_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
