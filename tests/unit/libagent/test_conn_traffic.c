/* SPDX-License-Identifier: MIT */
/* Commands, calls, reports and messages of a connection. */
#include <errno.h>
#include <string.h>
#include "libagent/events.h"
#include "tests/unit/libagent/lab.h"

static void answers_commands(void **state)
{
    static const struct {
        const char *name, *in, *seen, *out;
    } rows[] = {
        {"params and id", "{\"id\":7,\"method\":\"m\",\"params\":[1, 2]}", "m[1, 2];", "{\"id\":7,\"result\":[\"ok\"]}"},
        {"no params", "{\"id\":7,\"method\":\"m\"}", "m[];", "{\"id\":7,\"result\":[\"ok\"]}"},
        {"no id: no answer", "{\"method\":\"m\",\"params\":{}}", "m{};", ""},
        {"null id: no answer", "{\"id\":null,\"method\":\"m\",\"params\":{}}", "m{};", ""},
        {"highest id", "{\"method\":\"m\",\"id\":4294967295}", "m[];", "{\"id\":4294967295,\"result\":[\"ok\"]}"},
        {"foreign id comes back as it was", "{\"method\":\"m\",\"id\":\"a\\u0062\"}", "m[];",
         "{\"id\":\"a\\u0062\",\"result\":[\"ok\"]}"},
        {"escaped method", "{\"id\":1,\"method\":\"\\u006d\"}", "m[];", "{\"id\":1,\"result\":[\"ok\"]}"},
        {"prefix", "{\"id\":1,\"method\":\"pre.x\"}", "pre.x[];", "{\"id\":1,\"result\":[\"ok\"]}"},
        {"nobody", "{\"id\":1,\"method\":\"other\"}", "",
         "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}"},
        {"nobody, no id", "{\"method\":\"other\"}", "", ""},
        {"two at once", "{\"id\":1,\"method\":\"m\"}\r\n {\"id\":2,\"method\":\"m\"}", "m[];m[];",
         "{\"id\":1,\"result\":[\"ok\"]}{\"id\":2,\"result\":[\"ok\"]}"},
        {"answer that nobody waits for", "{\"id\":9,\"result\":1}", "", ""},
        {"error without id", "{\"error\":{\"code\":-32700,\"message\":\"x\"}}", "", ""},
    };

    (void) state;
    for (size_t i = 0; i < 2 * ag_array_size(rows); i++) {
        struct lab l;
        int r;

        print_message("%s\n", rows[i / 2].name);
        lab_init(&l);
        agent_subscribe(l.conn, NULL, "m", lab_on_request, &l);
        agent_subscribe(l.conn, NULL, "pre.*", lab_on_request, &l);
        lab_up(&l);
        lab_sent(&l);
        r = (i & 1 ? lab_say_bytewise : lab_say)(&l, rows[i / 2].in);
        assert_int_equal(r, 0);
        assert_string_equal(lab_seen(&l), rows[i / 2].seen);
        assert_string_equal(lab_sent(&l), rows[i / 2].out);
        lab_deinit(&l);
    }
}

static void calls_complete(void **state)
{
    static const struct {
        const char *name, *method, *in, *seen;
    } rows[] = {
        {"result", "get", "{\"id\":1,\"result\":{\"a\":[1]}}", "0 {\"a\":[1]};"},
        {"result, number at the end", "get", "{\"id\":1,\"result\":12}", "0 12;"},
        {"error", "get", "{\"id\":1,\"error\":{\"code\":-1,\"message\":\"no\"}}", "-4004 {\"code\":-1,\"message\":\"no\"};"},
        {"null error beside a result", "get", "{\"id\":1,\"error\":null,\"result\":1}", "0 1;"},
        {"neither", "get", "{\"id\":1}", "0 null;"},
        {"another id", "get", "{\"id\":2,\"result\":1}", ""},
        {"second answer", "get", "{\"id\":1,\"result\":1}{\"id\":1,\"result\":2}", "0 1;"},
        {"local query", "local.query_time", "{\"id\":1,\"method\":\"local.time\",\"params\":1700000000}", "0 1700000000;"},
        {"command that uses the number", "get", "{\"id\":1,\"method\":\"local.time\",\"params\":1}", ""},
        {"app's message is no answer from above", "get", "{\"id\":1,\"_from\":2,\"result\":1}", ""},
    };

    (void) state;
    for (size_t i = 0; i < 2 * ag_array_size(rows); i++) {
        struct lab l;
        int r;

        print_message("%s\n", rows[i / 2].name);
        lab_init(&l);
        lab_up(&l);
        assert_int_equal(agent_call(l.conn, NULL, rows[i / 2].method, "[3]", 0, lab_on_end, &l), 0);
        assert_non_null(strstr(lab_sent(&l), "\"params\":[3]}"));
        r = (i & 1 ? lab_say_bytewise : lab_say)(&l, rows[i / 2].in);
        assert_int_equal(r, 0);
        assert_string_equal(lab_seen(&l), rows[i / 2].seen);
        lab_deinit(&l);
    }
}

static void what_is_not_one_value_is_refused(void **state)
{
    static const char *const bad[] = {"",    "1,\"id\":7", "1}{\"id\":1", "[1",   "nul", "\"\xff\"", "1 2",
                                      "{}}", "1,2",        "'a'",         "[1],", "\"",  "01",       "/**/1"};
    static const char *const good[] = {"1", " [1] ", "null", "{\"a\":\"}\"}", "\"\xc3\xa4\"", "-1.5e3", "true"};
    struct lab l;

    (void) state;
    lab_init(&l);
    lab_up(&l);
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(agent_notify(l.conn, "m", bad[i]), AGENT_E_JSON);
        assert_int_equal(agent_call(l.conn, NULL, "m", bad[i], 0, lab_on_end, &l), AGENT_E_JSON);
        assert_int_equal(agent_report_prop(l.conn, "p", bad[i], NULL, NULL), AGENT_E_JSON);
        assert_string_equal(lab_sent(&l), "");
    }
    for (size_t i = 0; i < ag_array_size(good); i++) {
        assert_int_equal(agent_notify(l.conn, "m", good[i]), 0);
        assert_int_equal(agent_report_prop(l.conn, "p", good[i], NULL, NULL), 0);
    }
    assert_int_equal(agent_notify(l.conn, "\xff", NULL), AGENT_E_JSON);
    assert_string_equal(lab_seen(&l), "");
    lab_deinit(&l);
}

static void reports_have_their_form(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    assert_int_equal(agent_report_props(l.conn, "{}", NULL, NULL), -ENOTCONN);
    lab_up(&l);
    agent_report_props(l.conn, "{\"power\":\"on\"}", NULL, NULL);
    assert_string_equal(lab_sent(&l), "{\"method\":\"props\",\"params\":{\"power\":\"on\"}}");
    agent_report_prop(l.conn, "temp", "21.5", lab_on_end, &l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"prop.temp\",\"params\":[21.5]}");
    agent_report_event(l.conn, "button", NULL, NULL, NULL);
    assert_string_equal(lab_sent(&l), "{\"method\":\"event.button\",\"params\":[]}");
    agent_report_property(l.conn, "1\"2", 2, 3, "true", NULL, NULL);
    assert_string_equal(lab_sent(&l), "{\"method\":\"properties_changed\",\"params\":"
                                      "[{\"did\":\"1\\\"2\",\"siid\":2,\"piid\":3,\"value\":true}]}");
    agent_report_miot_event(l.conn, NULL, 4, 1, NULL, NULL, NULL);
    assert_string_equal(lab_sent(&l), "{\"method\":\"event_occured\",\"params\":{\"siid\":4,\"eiid\":1,\"arguments\":[]}}");
    lab_deinit(&l);
    assert_string_equal(lab_seen(&l), "-4003 -;"); /* the one that wanted an answer */
}

static void calls_time_out(void **state)
{
    struct lab l;
    agent_slot *given_up = NULL;

    (void) state;
    lab_init(&l);
    agent_call(l.conn, NULL, "waits", NULL, 50, lab_on_end, &l);
    lab_up(&l);
    agent_call(l.conn, NULL, "long", NULL, 500, lab_on_end, &l);
    agent_call(l.conn, NULL, "short", NULL, 100, lab_on_end, &l);
    agent_call(l.conn, &given_up, "dropped", NULL, 10, lab_on_end, &l);
    given_up = agent_slot_unref(given_up);
    assert_true(ag_conn_deadline(l.conn) == 1050);
    lab_at(&l, 1050);
    assert_string_equal(lab_seen(&l), "-4002 -;");
    lab_at(&l, 1499);
    assert_string_equal(lab_seen(&l), "-4002 -;");
    lab_at(&l, 1500);
    assert_string_equal(lab_seen(&l), "-4002 -;");
    lab_say(&l, "{\"id\":2,\"result\":1}");
    assert_string_equal(lab_seen(&l), "");
    lab_deinit(&l);
}

static int keep(agent_request *req, void *user)
{
    *(agent_request **) user = agent_request_ref(req);
    return 0;
}

static int fails(agent_request *req, void *user)
{
    (void) req;
    (void) user;
    return -1;
}

static int forget(agent_request *req, void *user)
{
    (void) req;
    (void) user;
    return 0;
}

static void requests_are_answered_once(void **state)
{
    struct lab l;
    agent_request *req = NULL;

    (void) state;
    lab_init(&l);
    agent_subscribe(l.conn, NULL, "keep", keep, &req);
    agent_subscribe(l.conn, NULL, "fail", fails, NULL);
    agent_subscribe(l.conn, NULL, "forget", forget, NULL);
    lab_up(&l);
    lab_sent(&l);

    lab_say(&l, "{\"id\":1,\"method\":\"keep\"}");
    assert_string_equal(lab_sent(&l), "");
    assert_int_equal(agent_reply(req, "1 2"), AGENT_E_JSON);
    assert_int_equal(agent_reply(req, "[1]"), 0);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"result\":[1]}");
    assert_int_equal(agent_reply(req, "[1]"), AGENT_E_ANSWERED);
    assert_int_equal(agent_reply_error(req, -1, "x"), AGENT_E_ANSWERED);
    req = agent_request_unref(req);
    assert_string_equal(lab_sent(&l), "");

    lab_say(&l, "{\"id\":2,\"method\":\"fail\"}{\"id\":3,\"method\":\"forget\"}{\"method\":\"fail\"}");
    assert_string_equal(lab_sent(&l), "{\"id\":2,\"error\":{\"code\":-5001,\"message\":\"failed\"}}"
                                      "{\"id\":3,\"error\":{\"code\":-5001,\"message\":\"failed\"}}");

    lab_say(&l, "{\"id\":4,\"method\":\"keep\"}");
    lab_down(&l);
    lab_up(&l);
    lab_sent(&l);
    assert_int_equal(agent_reply(req, "[1]"), AGENT_E_LOST);
    req = agent_request_unref(req);
    assert_string_equal(lab_sent(&l), "");

    lab_say(&l, "{\"id\":5,\"method\":\"keep\",\"params\":[5]}");
    lab_deinit(&l);
    assert_string_equal(agent_request_params(req), "[5]");
    assert_null(agent_request_conn(req));
    assert_int_equal(agent_reply(req, NULL), AGENT_E_LOST);
    req = agent_request_unref(req);
}

static void messages_between_applications(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    assert_int_equal(agent_bind(l.conn, 3, lab_on_request, &l), -EINVAL);
    assert_int_equal(agent_bind(l.conn, 2, lab_on_request, &l), 0);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"bind\",\"address\":2}");
    lab_say(&l, "{\"id\":77,\"_from\":16,\"method\":\"hello\",\"params\":[1]}");
    assert_string_equal(lab_seen(&l), "hello[1];");
    assert_string_equal(lab_sent(&l), "{\"id\":77,\"_to\":16,\"result\":[\"ok\"]}");
    lab_seen(&l);
    agent_bind(l.conn, 0, NULL, NULL);
    lab_sent(&l);
    lab_say(&l, "{\"id\":79,\"_from\":16,\"method\":\"hello\"}");
    assert_string_equal(lab_sent(&l), "{\"id\":79,\"_to\":16,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}");
    agent_bind(l.conn, 2, lab_on_request, &l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":78,\"_from\":0,\"method\":\"hello\"}"); /* an unbound sender cannot be answered */
    assert_string_equal(lab_sent(&l), "");
    lab_seen(&l);
    agent_send(l.conn, NULL, 16, "x", NULL, 0, lab_on_end, &l);
    assert_string_equal(lab_sent(&l), "{\"id\":4,\"_to\":16,\"method\":\"x\",\"params\":[]}");
    lab_say(&l, "{\"id\":4,\"result\":1}{\"id\":4,\"_from\":16,\"result\":2}");
    assert_string_equal(lab_seen(&l), "0 2;");
    agent_send(l.conn, NULL, 16, "x", NULL, 0, NULL, NULL);
    assert_string_equal(lab_sent(&l), "{\"_to\":16,\"method\":\"x\",\"params\":[]}");
    lab_deinit(&l);
}

static void on_bound(agent_conn *conn, uint32_t address, int status, void *user)
{
    lab_note(user, "%u %d;", (unsigned) address, status);
    if (status == -EPERM)
        agent_bind(conn, 8, lab_on_request, user);
    if (status == -32602)
        agent_close(conn);
}

static void what_became_of_a_claim(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    assert_int_equal(agent_set_on_bound(NULL, on_bound, &l), -EINVAL);
    assert_int_equal(agent_set_on_bound(l.conn, on_bound, &l), 0);
    agent_bind(l.conn, 2, lab_on_request, &l);
    lab_up(&l);
    lab_say(&l, "{\"id\":1,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "2 0;");

    lab_down(&l);
    lab_up(&l);
    lab_say(&l, "{\"id\":2,\"error\":{\"code\":-32004,\"message\":\"address is taken\"}}{\"id\":2,\"result\":1}");
    assert_string_equal(lab_seen(&l), "2 -17;");

    /* claimed again inside the callback; an agent that has answered before is waited for */
    agent_bind(l.conn, 4, lab_on_request, &l);
    lab_say(&l, "{\"id\":3,\"error\":{\"code\":-32001,\"message\":\"no\"}}");
    assert_string_equal(lab_seen(&l), "4 -1;");
    lab_at(&l, 1200);
    assert_string_equal(lab_seen(&l), "");
    lab_say(&l, "{\"id\":4,\"error\":{\"code\":-32004,\"message\":\"address is taken\"}}");
    assert_string_equal(lab_seen(&l), "8 -17;");

    /* given up at the agent, and not claimed at the next connect */
    lab_sent(&l);
    assert_int_equal(agent_bind(l.conn, 0, NULL, NULL), 0);
    assert_string_equal(lab_sent(&l), "{\"id\":5,\"method\":\"bind\",\"address\":0}");
    lab_say(&l, "{\"id\":5,\"result\":[\"ok\"]}");
    assert_int_equal(agent_bind(l.conn, 0, NULL, NULL), 0);
    lab_down(&l);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "");
    assert_string_equal(lab_seen(&l), "");

    /* the callback may close the connection */
    agent_bind(l.conn, 2, lab_on_request, &l);
    lab_say(&l, "{\"id\":6,\"error\":{\"code\":-32602,\"message\":\"no\"}}");
    assert_string_equal(lab_seen(&l), "2 -32602;");
    assert_int_equal(agent_get_state(l.conn), AGENT_CLOSED);
    lab_deinit(&l);
}

static void calls_of_a_connection_never_opened(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    l.conn->state = AGENT_CLOSED;
    agent_call(l.conn, NULL, "x", NULL, 0, lab_on_end, &l);
    lab_deinit(&l);
    assert_string_equal(lab_seen(&l), "-4003 -;");
}

static void queue_is_bounded(void **state)
{
    struct lab l;
    int r = 0, n = 0;

    (void) state;
    lab_init(&l);
    agent_set_queue_limit(l.conn, 1000);
    while ((r = agent_call(l.conn, NULL, "x", NULL, 0, lab_on_end, &l)) == 0)
        n++;
    assert_int_equal(r, -ENOBUFS);
    assert_in_range(n, 10, 50);
    lab_up(&l);
    lab_sent(&l);
    while ((r = agent_notify(l.conn, "x", NULL)) == 0)
        ;
    assert_int_equal(r, -ENOBUFS);
    agent_close(l.conn);
    lab_deinit(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_commands),
        cmocka_unit_test(calls_complete),
        cmocka_unit_test(what_is_not_one_value_is_refused),
        cmocka_unit_test(reports_have_their_form),
        cmocka_unit_test(calls_time_out),
        cmocka_unit_test(requests_are_answered_once),
        cmocka_unit_test(messages_between_applications),
        cmocka_unit_test(what_became_of_a_claim),
        cmocka_unit_test(calls_of_a_connection_never_opened),
        cmocka_unit_test(queue_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
