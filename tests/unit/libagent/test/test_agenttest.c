/* SPDX-License-Identifier: MIT */
/* The agent for unit tests: each thing that it plays, its clock, and that it says so when a test is wrong. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */
#include <agent/model.h>
#include <agent/test.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/test/value.h"
#include "tests/support/alloc_fail.h"

/* ---- an application, and its test ---- */

struct app {
    agent_conn *conn;
    agent_test *t;
    char seen[4096]; /* what callbacks noted */
};

static jmp_buf failure;
static int failing; /* a failure is what the test wants */
static char words[4096];
static int place;

static void failed(const char *text, const char *file, int line)
{
    if (failing) {
        snprintf(words, sizeof words, "%s", text);
        place = line;
        longjmp(failure, 1);
    }
    print_error("%s\n", text);
    _fail(file, line);
}

/* The statement ends in a failure whose words contain this. */
#define FAILS(containing, statement)                                                                                             \
    do {                                                                                                                         \
        failing = 1;                                                                                                             \
        if (setjmp(failure) == 0) {                                                                                              \
            statement;                                                                                                           \
            failing = 0;                                                                                                         \
            fail_msg("did not fail: %s", #statement);                                                                            \
        }                                                                                                                        \
        failing = 0;                                                                                                             \
        if (!strstr(words, containing))                                                                                          \
            fail_msg("\"%s\" does not contain \"%s\"", words, containing);                                                       \
    } while (0)

static void note(struct app *app, const char *fmt, ...) ag_printf_like(2, 3);
static void note(struct app *app, const char *fmt, ...)
{
    size_t n = strlen(app->seen);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(app->seen + n, sizeof app->seen - n, fmt, ap);
    va_end(ap);
}

static void assert_seen(struct app *app, const char *expected)
{
    assert_string_equal(app->seen, expected);
    app->seen[0] = '\0';
}

static void begin(struct app *app)
{
    memset(app, 0, sizeof *app);
    assert_int_equal(agent_new(&app->conn), 0);
    app->t = agent_test_new(app->conn, failed);
}

static void end(struct app *app)
{
    app->conn = agent_unref(app->conn);
    app->t = agent_test_free(app->t);
}

static int on_request(agent_request *req, void *user)
{
    note(user, "%s%s;", agent_request_method(req), agent_request_params(req));
    if (strcmp(agent_request_method(req), "fail") == 0)
        return agent_reply_error_data(req, -5004, "no", "[1]");
    return agent_reply(req, NULL);
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    note(user, "%d %s;", status, result ? result : error ? error : "-");
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    static const char *const names[] = {"closed", "connecting", "connected", "ready"};

    (void) conn;
    note(user, "%s;", names[state]);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    note(user, "%d;", status);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    note(user, "%s;", status);
}

static void on_timer(agent_conn *conn, void *user)
{
    (void) conn;
    note(user, "%d;", (int) agent_test_now(((struct app *) user)->t));
}

static void serve(struct app *app, const char *key)
{
    assert_int_equal(agent_subscribe(app->conn, NULL, key, on_request, app), 0);
}

static void open_it(struct app *app)
{
    assert_int_equal(agent_open(app->conn, NULL), 0);
}

/* ---- commands ---- */

static const struct way {
    enum agent_encoding encoding;
    const char *address;
} ways[] = {
    {AGENT_JSON, NULL},
    {AGENT_MSGPACK, "tcp:127.0.0.1:9"},
    {AGENT_JSON, "seqpacket:/nowhere"},
    {AGENT_MSGPACK, "seqpacket:/nowhere"},
};

static void commands_are_answered(void **state)
{
    struct app app;
    uint32_t one, two;

    (void) state;
    for (size_t i = 0; i < ag_array_size(ways); i++) {
        begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        serve(&app, "set_power");
        serve(&app, "fail");
        serve(&app, "some.*");
        assert_int_equal(agent_open(app.conn, ways[i].address), 0);
        one = agent_test_command(app.t, "set_power", " [ \"\\u006fn\" ] ");
        assert_int_equal(agent_get_state(app.conn), AGENT_READY);
        two = agent_test_command(app.t, "fail", "[1]");
        assert_int_not_equal(one, two);
        agent_test_expect_error(app.t, two, -5004);
        agent_test_expect_result(app.t, one, "[\"ok\"]");
        one = agent_test_command(app.t, "some.thing", "{\"a\":[]}");
        agent_test_expect_result(app.t, one, NULL);
        one = agent_test_command(app.t, "some.thing", NULL);
        agent_test_notify(app.t, "set_power", "[2]");
        agent_test_expect_result(app.t, one, " [ \"o\\u006b\" ] ");
        agent_test_say(app.t, "{\"id\":77,\"method\":\"fail\",\"params\":[3]}");
        agent_test_expect_error(app.t, 77, -5004);
        assert_int_equal(agent_test_command(app.t, "set_power", NULL), 78);
        assert_non_null(strstr(agent_test_next(app.t), "\"result\""));
        assert_null(agent_test_next(app.t));
        agent_test_expect_nothing(app.t);
        assert_non_null(strstr(app.seen, ";fail[1];some.thing{\"a\":[]};some.thing[];set_power[2];fail[3];set_power[];"));
        end(&app);
    }
}

static int on_large(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, agent_request_params(req));
}

static void texts_may_be_larger_than_a_socket_takes(void **state)
{
    size_t n = 900 * 1024;
    char *text = test_malloc(n + 5);
    struct app app;
    uint32_t id;

    (void) state;
    memset(text, 'x', n + 4);
    memcpy(text, "[\"", 2);
    memcpy(text + n + 2, "\"]", 3);
    begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "large", on_large, NULL), 0);
    open_it(&app);
    id = agent_test_command(app.t, "large", text);
    agent_test_expect_result(app.t, id, text);
    end(&app);

    begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "large", on_large, NULL), 0);
    assert_int_equal(agent_open(app.conn, "seqpacket:/nowhere"), 0);
    FAILS(strerror(EMSGSIZE), agent_test_command(app.t, "large", text));
    text[60 * 1024] = '"';
    text[60 * 1024 + 1] = ']';
    text[60 * 1024 + 2] = '\0';
    id = agent_test_command(app.t, "large", text);
    agent_test_expect_result(app.t, id, text);
    end(&app);
    test_free(text);
}

static agent_request *kept;

static int on_keep(agent_request *req, void *user)
{
    (void) user;
    kept = agent_request_ref(req);
    return 0;
}

static void answers_may_come_later(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "slow", on_keep, NULL), 0);
    open_it(&app);
    id = agent_test_command(app.t, "slow", NULL);
    agent_test_expect_nothing(app.t);
    agent_replyf(kept, "[%d]", 7);
    kept = agent_request_unref(kept);
    agent_test_expect_result(app.t, id, "[7.0e0]");
    end(&app);
}

static void messages_of_other_applications(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        open_it(&app);
        FAILS("no address", agent_test_message(app.t, 2, "m", NULL));
        agent_test_refuse_address(app.t, AGENT_CODE_KEY_TAKEN);
        assert_int_equal(agent_bind(app.conn, 16, on_request, &app), 0);
        FAILS("no address", agent_test_message(app.t, 2, "m", NULL));
        agent_test_refuse_address(app.t, 0);
        assert_int_equal(agent_bind(app.conn, 16, on_request, &app), 0);
        FAILS("one bit", agent_test_message(app.t, 3, "m", NULL));
        id = agent_test_message(app.t, 2, "m", "[1]");
        agent_test_expect_result(app.t, id, "[\"ok\"]");
        assert_seen(&app, "m[1];");
        assert_int_equal(agent_send(app.conn, NULL, 12, "to", "[2]", 0, on_end, &app), 0);
        id = agent_test_expect_call(app.t, "to", "[2]");
        agent_test_answer(app.t, id, "{\"x\":1}");
        assert_seen(&app, "0 {\"x\":1};");
        end(&app);
    }
}

/* ---- calls and reports ---- */

static void calls_are_answered(void **state)
{
    struct app app;
    uint32_t one, two;

    (void) state;
    for (volatile size_t i = 0; i < ag_array_size(ways); i++) {
        begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        assert_int_equal(agent_call(app.conn, NULL, "a", "[1]", 0, on_end, &app), 0);
        assert_int_equal(agent_open(app.conn, ways[i].address), 0);
        agent_call(app.conn, NULL, "b", NULL, 0, on_end, &app);
        one = agent_test_expect_call(app.t, "a", "[1]");
        two = agent_test_expect_call(app.t, "b", NULL);
        agent_test_answer_error(app.t, two, -7, "not \"so\"");
        agent_test_answer(app.t, one, "[\"x\"]");
        assert_seen(&app, "-4004 {\"code\":-7,\"message\":\"not \\\"so\\\"\"};0 [\"x\"];");
        FAILS("waits for no answer with id", agent_test_answer(app.t, one, NULL));
        agent_notify(app.conn, "c", NULL);
        assert_int_equal(agent_test_expect_report(app.t, "c", "[]"), 0);
        agent_test_expect_nothing(app.t);
        end(&app);
    }
}

static void reports_are_acknowledged(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    begin(&app);
    open_it(&app);
    agent_test_run(app.t);
    agent_reportf(app.conn, "props", on_end, &app, "{%s:%d}", "bright", 80);
    agent_report_event(app.conn, "click", NULL, NULL, NULL);
    agent_report_property(app.conn, NULL, 2, 1, "21.50", on_end, &app);
    assert_int_not_equal(agent_test_expect_report(app.t, "props", "{\"bright\":80}"), 0);
    assert_int_equal(agent_test_expect_report(app.t, "event.click", "[]"), 0);
    agent_test_expect_report(app.t, "properties_changed", "[{\"value\":21.5,\"piid\":1,\"siid\":2}]");
    assert_seen(&app, "0 [\"ok\"];0 [\"ok\"];");
    agent_test_acknowledge(app.t, 0);
    agent_report_prop(app.conn, "p", "1", on_end, &app);
    id = agent_test_expect_report(app.t, "prop.p", "[1]");
    assert_seen(&app, "");
    agent_test_answer_error(app.t, id, AGENT_CODE_NO_ACK, NULL);
    assert_non_null(strstr(app.seen, "-30011"));
    end(&app);
}

static void on_served(agent_test *t, uint32_t id, const char *params, void *user)
{
    note(user, "served %s;", params);
    if (id && strcmp(params, "[0]") != 0)
        agent_test_answer(t, id, params);
    else if (id)
        agent_test_answer_error(t, id, -32002, NULL);
}

static void what_waits_is_served(void **state)
{
    struct app app;
    char word[32], *result = NULL;
    int64_t now;

    (void) state;
    begin(&app);
    agent_test_serve(app.t, "local.query_time", "1700000000");
    agent_test_serve(app.t, "local.query_country", "\"sg\"");
    agent_test_serve_by(app.t, "echo", on_served, &app);
    open_it(&app);
    assert_int_equal(agent_query_time(app.conn, &now), 0);
    assert_int_equal(now, 1700000000);
    assert_int_equal(agent_query_country(app.conn, word, sizeof word), 0);
    assert_string_equal(word, "sg");
    assert_int_equal(agent_query_status(app.conn, word, sizeof word), 0);
    assert_string_equal(word, "cloud_connected");
    assert_int_equal(agent_call_sync(app.conn, "echo", "{\"a\":1}", 0, &result), 0);
    assert_string_equal(result, "{\"a\":1}");
    free(result);
    assert_int_equal(agent_call_sync(app.conn, "echo", "[0]", 0, NULL), AGENT_E_REMOTE);
    agent_notify(app.conn, "echo", NULL);
    agent_test_expect_nothing(app.t);
    assert_seen(&app, "served {\"a\":1};served [0];served [];");
    assert_int_equal(agent_test_now(app.t), 0);
    agent_test_serve(app.t, "local.query_time", NULL);
    assert_int_equal(agent_query_time(app.conn, &now), AGENT_E_TIMEOUT); /* at once, for us */
    assert_int_equal(agent_test_now(app.t), 5000);
    agent_test_serve_by(app.t, "echo", NULL, NULL);
    assert_int_equal(agent_call_sync(app.conn, "echo", NULL, 30, NULL), AGENT_E_TIMEOUT);
    assert_int_equal(agent_test_now(app.t), 5030);
    end(&app);
}

static void the_status_is_followed(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    assert_int_equal(agent_follow_status(app.conn, NULL, on_status, &app), 0);
    open_it(&app);
    agent_test_run(app.t);
    assert_seen(&app, "cloud_connected;");
    agent_test_status(app.t, "cloud_retry");
    assert_seen(&app, "cloud_retry;");
    agent_test_drop(app.t);
    assert_seen(&app, AGENT_STATUS_UNKNOWN ";");
    agent_test_advance(app.t, 100);
    assert_seen(&app, "cloud_retry;");
    agent_test_expect_nothing(app.t);
    end(&app);
}

/* ---- time ---- */

static void timers_run_by_the_tests_clock(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    agent_timer(app.conn, NULL, 1000, 500, on_timer, &app);
    agent_timer(app.conn, NULL, 1200, 0, on_timer, &app);
    open_it(&app);
    agent_test_advance(app.t, 999);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "1000;");
    agent_test_advance(app.t, 1000);
    assert_seen(&app, "1200;1500;2000;");
    agent_test_advance(app.t, 86400u * 1000);
    assert_int_equal(agent_test_now(app.t), 86402000);
    assert_non_null(strstr(app.seen, "2500;3000;3500;"));
    end(&app);
}

static void a_call_times_out_to_the_millisecond(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    open_it(&app);
    agent_call(app.conn, NULL, "x", NULL, 0, on_end, &app);
    agent_test_advance(app.t, AGENT_CALL_TIMEOUT_MS - 1);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "-4002 -;");
    end(&app);
}

static void stop_at(agent_conn *conn, void *user)
{
    struct app *app = user;
    uint32_t id = agent_test_command(app->t, "late", "[5]"); /* is delivered when this has returned */

    assert_true(id > 0);
    on_timer(conn, user);
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
    begin(&app);
    serve(&app, "late");
    open_it(&app);
    agent_timer(app.conn, NULL, 60000, 0, step, &app);
    agent_timer(app.conn, NULL, 3600000, 0, stop_at, &app);
    assert_int_equal(agent_run(app.conn), 42);
    assert_seen(&app, "late[3];3600000;");
    agent_test_run(app.t);
    assert_seen(&app, "late[5];");
    end(&app);
}

static void the_order_of_what_is_due_is_kept(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    agent_set_on_state(app.conn, on_state, &app);
    serve(&app, "k");
    agent_test_slow(app.t, 50);
    agent_timer(app.conn, NULL, 49, 0, on_timer, &app);
    agent_timer(app.conn, NULL, 51, 0, on_timer, &app);
    open_it(&app);
    agent_test_advance(app.t, 1000);
    assert_seen(&app, "connecting;connected;49;ready;51;");
    end(&app);
}

static void every_run_is_the_same(void **state)
{
    char first[4096] = "";
    struct app app;

    (void) state;
    for (int run = 0; run < 3; run++) {
        begin(&app);
        agent_test_stop(app.t);
        agent_set_on_state(app.conn, on_state, &app);
        open_it(&app);
        for (int i = 0; i < 20; i++) {
            agent_test_advance(app.t, 37);
            note(&app, "%d ", agent_get_timeout_ms(app.conn));
        }
        agent_test_start(app.t);
        agent_test_advance(app.t, 5000);
        agent_call(app.conn, NULL, "x", NULL, 0, on_end, &app);
        note(&app, "id %u", (unsigned) agent_test_expect_call(app.t, "x", NULL));
        if (run == 0)
            memcpy(first, app.seen, sizeof first);
        assert_string_equal(app.seen, first);
        end(&app);
    }
}

/* ---- trouble ---- */

static void registrations_are_refused(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    agent_test_refuse(app.t, "k", AGENT_CODE_NOT_PERMITTED);
    agent_subscribe_mode(app.conn, NULL, "k", AGENT_SHARED, on_request, on_registered, &app);
    agent_subscribe_mode(app.conn, NULL, "l", AGENT_EXCLUSIVE, on_request, on_registered, &app);
    open_it(&app);
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
    end(&app);
}

static void keys_are_given_up(void **state)
{
    agent_slot *slot = NULL;
    struct app app;

    (void) state;
    begin(&app);
    agent_subscribe(app.conn, &slot, "k", on_request, &app);
    open_it(&app);
    assert_int_equal(agent_test_has_key(app.t, "k"), 1);
    slot = agent_slot_unref(slot);
    assert_int_equal(agent_test_has_key(app.t, "k"), 0);
    end(&app);
}

static void a_standby_waits_and_takes_over(void **state)
{
    struct app app;

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        agent_test_other_owner(app.t, "k", 1);
        agent_test_other_owner(app.t, "l", 1);
        agent_subscribe_mode(app.conn, NULL, "k", AGENT_STANDBY, on_request, on_registered, &app);
        agent_subscribe_mode(app.conn, NULL, "l", AGENT_EXCLUSIVE, on_request, on_registered, &app);
        open_it(&app);
        agent_test_run(app.t);
        assert_seen(&app, "1;-17;");
        assert_int_equal(agent_test_has_key(app.t, "k"), 0);
        agent_test_other_owner(app.t, "k", 0);
        assert_seen(&app, "0;");
        agent_test_expect_result(app.t, agent_test_command(app.t, "k", NULL), NULL);
        FAILS("nobody else can", agent_test_other_owner(app.t, "k", 1));
        end(&app);
    }
}

static void an_old_agent_never_answers(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    serve(&app, "k");
    open_it(&app);
    agent_test_old(app.t, 1);
    agent_test_advance(app.t, 199);
    assert_int_equal(agent_get_state(app.conn), AGENT_CONNECTED);
    agent_test_advance(app.t, 1);
    assert_int_equal(agent_get_state(app.conn), AGENT_READY);
    agent_test_expect_result(app.t, agent_test_command(app.t, "k", NULL), "[\"ok\"]");
    end(&app);
}

static void a_slow_agent_is_waited_for(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    agent_test_slow(app.t, 300);
    agent_test_refuse(app.t, "k", AGENT_CODE_KEY_TAKEN);
    agent_subscribe_mode(app.conn, NULL, "k", AGENT_EXCLUSIVE, on_request, on_registered, &app);
    open_it(&app);
    agent_test_advance(app.t, 299);
    assert_seen(&app, "0;"); /* guessed after 200 ms, as with an old one */
    agent_test_advance(app.t, 1);
    assert_seen(&app, "-17;");
    agent_report_props(app.conn, "{}", on_end, &app);
    agent_test_advance(app.t, 299);
    assert_seen(&app, "");
    agent_test_advance(app.t, 1);
    assert_seen(&app, "0 [\"ok\"];");
    agent_report_props(app.conn, "{}", on_end, &app);
    agent_test_run(app.t);
    agent_test_drop(app.t); /* what it was about to say is gone with it */
    assert_seen(&app, "-4001 -;");
    agent_test_advance(app.t, 10000);
    end(&app);
}

static void a_lost_connection_comes_back(void **state)
{
    struct app app;
    uint32_t id, call;

    (void) state;
    begin(&app);
    agent_set_on_state(app.conn, on_state, &app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "slow", on_keep, NULL), 0);
    open_it(&app);
    id = agent_test_command(app.t, "slow", NULL);
    agent_call(app.conn, NULL, "x", NULL, 0, on_end, &app);
    call = agent_test_expect_call(app.t, "x", NULL);
    app.seen[0] = '\0';
    agent_test_drop(app.t);
    assert_seen(&app, "-4001 -;connecting;");
    FAILS("pause before the next try", agent_test_command(app.t, "slow", NULL));
    FAILS("not connected", agent_test_answer(app.t, call, NULL));
    assert_int_equal(agent_reply(kept, NULL), AGENT_E_LOST);
    kept = agent_request_unref(kept);
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
    end(&app);
}

/* ---- beginning and end ---- */

static void what_is_said_at_the_end_is_seen(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    open_it(&app);
    agent_test_run(app.t);
    agent_report_event(app.conn, "bye", NULL, NULL, NULL);
    agent_close(app.conn);
    agent_test_expect_report(app.t, "event.bye", NULL);
    FAILS("has not called agent_open()", agent_test_notify(app.t, "x", NULL));
    open_it(&app);
    agent_test_run(app.t);
    assert_int_equal(agent_get_state(app.conn), AGENT_READY);
    agent_report_event(app.conn, "bye", NULL, NULL, NULL);
    app.conn = agent_unref(app.conn);
    agent_test_expect_report(app.t, "event.bye", NULL);
    FAILS("object is gone", agent_test_notify(app.t, "x", NULL));
    agent_test_advance(app.t, 1000);
    end(&app);
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
    begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "bye", on_drop, &app), 0);
    open_it(&app);
    agent_test_expect_result(app.t, agent_test_command(app.t, "bye", NULL), NULL);
    assert_null(app.conn);
    end(&app);
}

static void the_connection_may_outlive_its_test(void **state)
{
    struct app app;

    (void) state;
    begin(&app);
    agent_set_on_state(app.conn, on_state, &app);
    open_it(&app);
    agent_call(app.conn, NULL, "x", NULL, 0, on_end, &app);
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
        begin(&app);
        assert_int_equal(agent_subscribe(app.conn, NULL, "slow", on_keep, NULL), 0);
        open_it(&app);
        id = agent_test_command(app.t, "slow", NULL);
        agent_reply(kept, NULL); /* lies in the socket */
        kept = agent_request_unref(kept);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            failing = 1;
            if (setjmp(failure) == 0)
                agent_test_next(app.t);
            if (i == 0)
                app.conn = agent_unref(app.conn);
            app.t = agent_test_free(app.t);
            agent_unref(app.conn);
            _exit(!strstr(words, "belongs to the parent process"));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        agent_test_expect_result(app.t, id, "[\"ok\"]");
        agent_test_expect_nothing(app.t);
        end(&app);
    }
}

static void two_agents_have_two_clocks(void **state)
{
    struct app a, b;

    (void) state;
    begin(&a);
    begin(&b);
    agent_timer(a.conn, NULL, 10, 0, on_timer, &a);
    agent_timer(b.conn, NULL, 10, 0, on_timer, &b);
    agent_test_advance(a.t, 10);
    assert_seen(&a, "10;");
    assert_seen(&b, "");
    end(&a);
    end(&b);
}

/* ---- a device of a model ---- */

static int on_light(agent_device *device, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    (void) device;
    (void) asked;
    note(user, "light %d;", value->b);
    return 0;
}

static const char lamp_model[] = "{\"type\":\"urn:x:device:lamp:00000001:a-b:1\",\"services\":[{\"iid\":2,"
                                 "\"type\":\"urn:x:service:light:00000001\",\"properties\":["
                                 "{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\","
                                 "\"access\":[\"read\",\"write\",\"notify\"]}]}]}";

static void a_device_of_a_model_works(void **state)
{
    agent_device *device = NULL;
    agent_model *model = NULL;
    struct app app;
    uint32_t id;

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        agent_test_serve(app.t, "local.query_did", "\"123456\"");
        agent_test_serve(app.t, "miIO.info", "{\"model\":\"a.b.c\",\"fw_ver\":\"1.2\"}");
        assert_int_equal(agent_model_parse(&model, lamp_model, strlen(lamp_model), NULL), 0);
        assert_int_equal(agent_device_new(&device, app.conn, model), 0);
        assert_int_equal(agent_device_on_set(device, "light.on", on_light, &app), 0);
        open_it(&app);
        id = agent_test_command(app.t, "set_properties", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"value\":true}]");
        agent_test_expect_result(app.t, id, "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"code\":0}]");
        agent_test_expect_report(app.t, "properties_changed", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"value\":true}]");
        id = agent_test_command(app.t, "get_properties", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1}]");
        agent_test_expect_result(app.t, id, "[{\"value\":true,\"code\":0,\"did\":\"123456\",\"siid\":2,\"piid\":1}]");
        assert_seen(&app, "light 1;");
        agent_test_expect_nothing(app.t);
        device = agent_device_free(device);
        model = agent_model_unref(model);
        end(&app);
    }
}

/* ---- wrong tests ---- */

static void a_failure_tells_its_place(void **state)
{
    struct app app;
    int here;

    (void) state;
    begin(&app);
    open_it(&app);
    FAILS("expected the report props; the application sent nothing", here = __LINE__;
          agent_test_expect_report(app.t, "props", NULL));
    assert_in_range(place, here - 2, here + 2);
    end(&app);
}

static void what_does_not_hold_fails(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    begin(&app);
    serve(&app, "k");
    serve(&app, "fail");
    open_it(&app);
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
    end(&app);
}

static void wrong_use_fails(void **state)
{
    agent_conn *conn = NULL;
    struct app app;
    uint32_t id;

    (void) state;
    FAILS("Invalid argument", agent_test_new(NULL, failed));
    begin(&app);
    FAILS("has an agent_test", agent_test_new(app.conn, failed));
    serve(&app, "k");
    FAILS("agent_open()", agent_test_command(app.t, "k", NULL));
    open_it(&app);
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
    FAILS("method is NULL", agent_test_serve_by(app.t, NULL, on_served, NULL));
    FAILS("result is not one JSON value: [", agent_test_serve(app.t, "m", "["));
    id = agent_test_command(app.t, "k", NULL);
    FAILS("expected is not one JSON value: nix", agent_test_expect_result(app.t, id, "nix"));
    agent_call(app.conn, NULL, "c", NULL, 0, on_end, &app);
    FAILS("method is NULL", agent_test_expect_call(app.t, NULL, NULL));
    id = agent_test_expect_call(app.t, "c", NULL);
    FAILS("result is not one JSON value: {", agent_test_answer(app.t, id, "{"));
    end(&app);

    assert_int_equal(agent_new(&conn), 0); /* what has begun by the machine's clock */
    agent_timer(conn, NULL, 10, 0, on_timer, NULL);
    FAILS("begun something before", agent_test_new(conn, failed));
    conn = agent_unref(conn);
    assert_int_equal(agent_new(&conn), 0);
    agent_open(conn, "unix:/nowhere");
    agent_process(conn);
    FAILS("begun something before", agent_test_new(conn, failed));
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
    open_it(app);
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
    assert_non_null(strstr(text, "test_agenttest.c:"));
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
    agent_test_serve_by(app->t, "b", on_served, app);
    agent_set_encoding(app->conn, AGENT_MSGPACK);
    agent_subscribe(app->conn, NULL, "k", on_request, app); /* what the application is refused, the agent says later */
    agent_subscribe(app->conn, NULL, "no", on_request, app);
    agent_subscribe_mode(app->conn, NULL, "later", AGENT_STANDBY, on_request, NULL, app);
    agent_bind(app->conn, 2, on_request, app);
    agent_call(app->conn, NULL, "a", NULL, 0, on_end, app);
    agent_call(app->conn, NULL, "b", "[0]", 0, on_end, app);
    agent_open(app->conn, NULL);
    agent_test_other_owner(app->t, "later", 0);
    id = agent_test_command(app->t, "k", "[\"\\u0041\"]");
    agent_test_expect_result(app->t, id, "[\"\\u006fk\"]");
    agent_test_expect_result(app->t, agent_test_message(app->t, 1, "m", NULL), NULL);
    agent_test_slow(app->t, 10);
    agent_report_props(app->conn, "{}", on_end, app);
    agent_test_expect_report(app->t, "props", "{}");
    agent_test_advance(app->t, 10);
    agent_call(app->conn, NULL, "x", NULL, 0, on_end, app);
    agent_test_answer_error(app->t, agent_test_expect_call(app->t, "x", NULL), -1, NULL);
    agent_test_status(app->t, "cloud_retry");
    agent_test_drop(app->t);
    end(app);
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

/* ---- values ---- */

static void values_are_compared_by_what_they_are(void **state)
{
    static const struct {
        const char *a, *b;
        int same;
    } rows[] = {
        {"1", " 1 ", 1},
        {"1", "1.0", 1},
        {"100", "1e2", 1},
        {"1", "2", 0},
        {"0.1", "0.10", 1},
        {"1", "\"1\"", 0},
        {"9007199254740993", "9007199254740992", 0}, /* digits beyond a double count */
        {"18446744073709551615", "18446744073709551615", 1},
        {"true", "true", 1},
        {"true", "false", 0},
        {"null", "null", 1},
        {"null", "0", 0},
        {"\"a\"", "\"\\u0061\"", 1},
        {"\"a\"", "\"b\"", 0},
        {"\"\\n\"", "\"\\u000A\"", 1},
        {"\"\\n\"", "\"n\"", 0},
        {"\"\\\\n\"", "\"\\n\"", 0},
        {"[]", "[ ]", 1},
        {"[1,2]", "[1, 2]", 1},
        {"[1,2]", "[2,1]", 0},
        {"[1]", "[1,1]", 0},
        {"[1,1]", "[1]", 0},
        {"{}", "{ }", 1},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"\\u0061\":1.0}", 1},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", 0},
        {"{\"a\":1}", "{\"a\":2}", 0},
        {"{\"a\":1}", "{\"b\":1}", 0},
        {"{}", "[]", 0},
        {"{\"a\":[{\"b\":[1]}]}", "{\"a\":[{\"b\":[1]}]}", 1},
        {"{\"a\":[{\"b\":[1]}]}", "{\"a\":[{\"b\":[2]}]}", 0},
    };
    static const char *const wrong[] = {"", " ", "1 2", "[", "nul", "'a'", "{a:1}", "[1]x", "1}", "1,\"x\":2", "\"\xff\"", "01"};
    struct ag_json_value a, b;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        assert_int_equal(ag_test_value(rows[i].a, &a), 0);
        assert_int_equal(ag_test_value(rows[i].b, &b), 0);
        if (ag_test_same(a, b) != rows[i].same || ag_test_same(b, a) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
    for (size_t i = 0; i < ag_array_size(wrong); i++)
        assert_int_equal(ag_test_value(wrong[i], &a), -EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered),
        cmocka_unit_test(texts_may_be_larger_than_a_socket_takes),
        cmocka_unit_test(answers_may_come_later),
        cmocka_unit_test(messages_of_other_applications),
        cmocka_unit_test(calls_are_answered),
        cmocka_unit_test(reports_are_acknowledged),
        cmocka_unit_test(what_waits_is_served),
        cmocka_unit_test(the_status_is_followed),
        cmocka_unit_test(timers_run_by_the_tests_clock),
        cmocka_unit_test(a_call_times_out_to_the_millisecond),
        cmocka_unit_test(agent_run_takes_no_time),
        cmocka_unit_test(the_order_of_what_is_due_is_kept),
        cmocka_unit_test(every_run_is_the_same),
        cmocka_unit_test(registrations_are_refused),
        cmocka_unit_test(keys_are_given_up),
        cmocka_unit_test(a_standby_waits_and_takes_over),
        cmocka_unit_test(an_old_agent_never_answers),
        cmocka_unit_test(a_slow_agent_is_waited_for),
        cmocka_unit_test(a_lost_connection_comes_back),
        cmocka_unit_test(what_is_said_at_the_end_is_seen),
        cmocka_unit_test(the_last_reference_may_go_in_a_callback),
        cmocka_unit_test(the_connection_may_outlive_its_test),
        cmocka_unit_test(a_child_keeps_its_hands_off),
        cmocka_unit_test(two_agents_have_two_clocks),
        cmocka_unit_test(a_device_of_a_model_works),
        cmocka_unit_test(a_failure_tells_its_place),
        cmocka_unit_test(what_does_not_hold_fails),
        cmocka_unit_test(wrong_use_fails),
        cmocka_unit_test(without_a_function_it_aborts),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(values_are_compared_by_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
