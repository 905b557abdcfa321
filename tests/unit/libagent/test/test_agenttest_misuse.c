/* SPDX-License-Identifier: MIT */
/* The agent for unit tests says so when a test is wrong, or memory is short. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/support/alloc_fail.h"
#include "tests/unit/libagent/test/app_rig.h"

static void a_failure_tells_its_place(void **state)
{
    struct app app;
    int here;

    (void) state;
    app_begin(&app);
    app_open(&app);
    FAILS("expected the report props; the application sent nothing", here = __LINE__;
          agent_test_expect_report(app.t, "props", NULL));
    assert_in_range(app_failed_line, here - 2, here + 2);
    app_end(&app);
}

static void what_does_not_hold_fails(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    app_begin(&app);
    app_serve(&app, "k");
    app_serve(&app, "fail");
    app_open(&app);
    FAILS("no command has the id 9", agent_test_expect_result(app.t, 9, NULL));
    id = agent_test_command(app.t, "k", NULL);
    FAILS("expected the result [\"no\"]; the application answered {\"id\":", agent_test_expect_result(app.t, id, "[\"no\"]"));
    FAILS("taken before", agent_test_expect_result(app.t, id, NULL));
    FAILS("expected nothing; the application sent {", agent_test_expect_nothing(app.t));
    assert_non_null(agent_test_next(app.t));
    id = agent_test_command(app.t, "k", NULL);
    FAILS("expected an error", agent_test_expect_error(app.t, id, 0));
    assert_non_null(agent_test_next(app.t));
    id = agent_test_command(app.t, "fail", NULL);
    FAILS("expected the error -1;", agent_test_expect_error(app.t, id, -1));
    assert_non_null(agent_test_next(app.t));
    id = agent_test_command(app.t, "fail", NULL);
    FAILS("expected the result (any)", agent_test_expect_result(app.t, id, NULL));
    assert_non_null(agent_test_next(app.t));
    agent_notify(app.conn, "n", "[1]");
    FAILS("expected the call n", agent_test_expect_call(app.t, "n", NULL));
    FAILS("expected the report m", agent_test_expect_report(app.t, "m", NULL));
    FAILS("expected the report n [2]; the application sent {\"method\":\"n\",\"params\":[1]}",
          agent_test_expect_report(app.t, "n", "[2]"));
    agent_test_expect_report(app.t, "n", "[1]");
    app_end(&app);
}

static void wrong_use_fails(void **state)
{
    agent_conn *conn = NULL;
    struct app app;
    uint32_t id;

    (void) state;
    FAILS("Invalid argument", agent_test_new(NULL, app_failed));
    app_begin(&app);
    FAILS("has an agent_test", agent_test_new(app.conn, app_failed));
    app_serve(&app, "k");
    FAILS("agent_open()", agent_test_command(app.t, "k", NULL));
    app_open(&app);
    FAILS("params is not one JSON value: [1", agent_test_command(app.t, "k", "[1"));
    FAILS("params is not one JSON value: 1 2", agent_test_command(app.t, "k", "1 2"));
    FAILS("params is not one JSON value: 1,\"method\":2", agent_test_command(app.t, "k", "1,\"method\":2"));
    FAILS("params is not one JSON value: ", agent_test_command(app.t, "k", ""));
    FAILS("not a message: [1]", agent_test_say(app.t, "[1]"));
    FAILS("not subscribed to x; its keys: k", agent_test_command(app.t, "x", NULL));
    FAILS("method is NULL", agent_test_command(app.t, NULL, NULL));
    FAILS("text is NULL", agent_test_say(app.t, NULL));
    FAILS("key is NULL", agent_test_has_key(app.t, NULL));
    FAILS("key is NULL", agent_test_refuse(app.t, NULL, 1));
    FAILS("status is NULL", agent_test_status(app.t, NULL));
    FAILS("method is NULL", agent_test_serve(app.t, NULL, "1"));
    FAILS("method is NULL", agent_test_serve_by(app.t, NULL, app_on_served, NULL));
    FAILS("result is not one JSON value: [", agent_test_serve(app.t, "m", "["));
    id = agent_test_command(app.t, "k", NULL);
    FAILS("expected is not one JSON value: nix", agent_test_expect_result(app.t, id, "nix"));
    agent_call(app.conn, NULL, "c", NULL, 0, app_on_end, &app);
    FAILS("method is NULL", agent_test_expect_call(app.t, NULL, NULL));
    id = agent_test_expect_call(app.t, "c", NULL);
    FAILS("result is not one JSON value: {", agent_test_answer(app.t, id, "{"));
    app_end(&app);

    assert_int_equal(agent_new(&conn), 0); /* what has begun by the machine's clock */
    agent_timer(conn, NULL, 10, 0, app_on_timer, NULL);
    FAILS("begun something before", agent_test_new(conn, app_failed));
    conn = agent_unref(conn);
    assert_int_equal(agent_new(&conn), 0);
    agent_open(conn, "unix:/nowhere");
    agent_process(conn);
    FAILS("begun something before", agent_test_new(conn, app_failed));
    conn = agent_unref(conn);
}

/*
 * What ends by abort(), or in the middle of a callback, has a process of its own, in which allocation n fails
 * (0: none). Returns what it printed; *status_out as of waitpid().
 */
static const char *child_of(void (*fn)(struct app *app), unsigned long n, int *status_out)
{
    static char text[4096];
    ssize_t got, len = 0;
    int fds[2];
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct app app = {0};

        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        dup2(fds[1], STDERR_FILENO);
        agent_new(&app.conn);
        alloc_fail_at(n);
        app.t = agent_test_new(app.conn, NULL);
        fn(&app);
        _exit(n > 0 && !alloc_fail_reached() ? 9 : 0);
    }
    close(fds[1]);
    while ((got = read(fds[0], text + len, sizeof text - 1 - (size_t) len)) > 0)
        len += got;
    text[len] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(child, status_out, 0), child);
    return text;
}

static const char *printed_by(void (*fn)(struct app *app))
{
    int status;
    const char *text = child_of(fn, 0, &status);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    return text;
}

static void wait_for_ever(struct app *app)
{
    app_open(app);
    agent_test_run(app->t);
    agent_run(app->conn);
}

static void post_for_ever(agent_conn *conn, void *user)
{
    agent_post(conn, post_for_ever, user);
}

static void never_rest(struct app *app)
{
    agent_post(app->conn, post_for_ever, NULL);
    agent_test_run(app->t);
}

static void advance(agent_conn *conn, void *user)
{
    (void) conn;
    agent_test_advance(((struct app *) user)->t, 1);
}

static void advance_inside(struct app *app)
{
    agent_timer(app->conn, NULL, 1, 0, advance, app);
    agent_test_advance(app->t, 1);
}

static void free_it(agent_conn *conn, void *user)
{
    (void) conn;
    agent_test_free(((struct app *) user)->t);
}

static void free_inside(struct app *app)
{
    agent_timer(app->conn, NULL, 1, 0, free_it, app);
    agent_test_advance(app->t, 1);
}

static void no_agent(struct app *app)
{
    (void) app;
    agent_test_run(NULL);
}

static void without_a_function_it_aborts(void **state)
{
    const char *text;

    (void) state;
    text = printed_by(wait_for_ever);
    assert_non_null(strstr(text, "test_agenttest_misuse.c:"));
    assert_non_null(strstr(text, ": the application waits for what never comes"));
    assert_non_null(strstr(printed_by(never_rest), ": the application never comes to rest"));
    assert_non_null(strstr(printed_by(advance_inside), ": agent_test_advance() inside a callback"));
    assert_non_null(strstr(printed_by(free_inside), ": agent_test_free() inside a callback"));
    assert_non_null(strstr(printed_by(no_agent), "agent_test is NULL"));
}

static void use_it_all(struct app *app)
{
    uint32_t id;

    agent_test_refuse(app->t, "no", AGENT_CODE_NOT_PERMITTED);
    agent_test_other_owner(app->t, "later", 1);
    agent_test_serve(app->t, "a", "[1]");
    agent_test_serve_by(app->t, "b", app_on_served, app);
    agent_set_encoding(app->conn, AGENT_MSGPACK);
    agent_subscribe(app->conn, NULL, "k", app_on_request, app); /* what the application is refused, the agent says later */
    agent_subscribe(app->conn, NULL, "no", app_on_request, app);
    agent_subscribe_mode(app->conn, NULL, "later", AGENT_STANDBY, app_on_request, NULL, app);
    agent_bind(app->conn, 2, app_on_request, app);
    agent_call(app->conn, NULL, "a", NULL, 0, app_on_end, app);
    agent_call(app->conn, NULL, "b", "[0]", 0, app_on_end, app);
    agent_open(app->conn, NULL);
    agent_test_other_owner(app->t, "later", 0);
    id = agent_test_command(app->t, "k", "[\"\\u0041\"]");
    agent_test_expect_result(app->t, id, "[\"\\u006fk\"]");
    agent_test_expect_result(app->t, agent_test_message(app->t, 1, "m", NULL), NULL);
    agent_test_slow(app->t, 10);
    agent_report_props(app->conn, "{}", app_on_end, app);
    agent_test_expect_report(app->t, "props", "{}");
    agent_test_advance(app->t, 10);
    agent_call(app->conn, NULL, "x", NULL, 0, app_on_end, app);
    agent_test_answer_error(app->t, agent_test_expect_call(app->t, "x", NULL), -1, NULL);
    agent_test_status(app->t, "cloud_retry");
    agent_test_drop(app->t);
    app_end(app);
}

static void each_allocation_may_fail(void **state)
{
    unsigned long n = 0, aborted = 0;
    int status;

    (void) state;
    do {
        const char *text = child_of(use_it_all, ++n, &status);

        if (WIFSIGNALED(status)) { /* ours, or of the library, which then gave the connection up: it is said */
            assert_int_equal(WTERMSIG(status), SIGABRT);
            assert_non_null(strchr(text, ':'));
            aborted++;
        } else if (WEXITSTATUS(status) != 9) {
            assert_int_equal(WEXITSTATUS(status), 0);
        }
    } while (!WIFEXITED(status) || WEXITSTATUS(status) != 9);
    assert_in_range(aborted, 30, n);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_tells_its_place), cmocka_unit_test(what_does_not_hold_fails),
        cmocka_unit_test(wrong_use_fails),           cmocka_unit_test(without_a_function_it_aborts),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
