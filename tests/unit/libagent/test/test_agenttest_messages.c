/* SPDX-License-Identifier: MIT */
/* The agent for unit tests: commands, messages, calls and reports, and what is read of them. */
#include <errno.h>
#include <string.h>
#include <agent/model.h>
#include "libagent/core/util.h"
#include "tests/unit/libagent/test/app_rig.h"

/* ---- an application, and its test ---- */

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    app_note(user, "%s;", status);
}

/* ---- commands ---- */

static void commands_are_answered(void **state)
{
    struct app app;
    uint32_t one, two;

    (void) state;
    for (size_t i = 0; i < ag_array_size(ways); i++) {
        app_begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        app_serve(&app, "set_power");
        app_serve(&app, "fail");
        app_serve(&app, "some.*");
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
        app_end(&app);
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
    app_begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "large", on_large, NULL), 0);
    app_open(&app);
    id = agent_test_command(app.t, "large", text);
    agent_test_expect_result(app.t, id, text);
    app_end(&app);

    app_begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "large", on_large, NULL), 0);
    assert_int_equal(agent_open(app.conn, "seqpacket:/nowhere"), 0);
    FAILS(strerror(EMSGSIZE), agent_test_command(app.t, "large", text));
    text[60 * 1024] = '"';
    text[60 * 1024 + 1] = ']';
    text[60 * 1024 + 2] = '\0';
    id = agent_test_command(app.t, "large", text);
    agent_test_expect_result(app.t, id, text);
    app_end(&app);
    test_free(text);
}

static void answers_may_come_later(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    app_begin(&app);
    assert_int_equal(agent_subscribe(app.conn, NULL, "slow", app_on_keep, NULL), 0);
    app_open(&app);
    id = agent_test_command(app.t, "slow", NULL);
    agent_test_expect_nothing(app.t);
    agent_replyf(app_kept, "[%d]", 7);
    app_kept = agent_request_unref(app_kept);
    agent_test_expect_result(app.t, id, "[7.0e0]");
    app_end(&app);
}

static void messages_of_other_applications(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        app_begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        app_open(&app);
        FAILS("no address", agent_test_message(app.t, 2, "m", NULL));
        agent_test_refuse_address(app.t, AGENT_CODE_KEY_TAKEN);
        assert_int_equal(agent_bind(app.conn, 16, app_on_request, &app), 0);
        FAILS("no address", agent_test_message(app.t, 2, "m", NULL));
        agent_test_refuse_address(app.t, 0);
        assert_int_equal(agent_bind(app.conn, 16, app_on_request, &app), 0);
        FAILS("one bit", agent_test_message(app.t, 3, "m", NULL));
        id = agent_test_message(app.t, 2, "m", "[1]");
        agent_test_expect_result(app.t, id, "[\"ok\"]");
        assert_seen(&app, "m[1];");
        assert_int_equal(agent_send(app.conn, NULL, 12, "to", "[2]", 0, app_on_end, &app), 0);
        id = agent_test_expect_call(app.t, "to", "[2]");
        agent_test_answer(app.t, id, "{\"x\":1}");
        assert_seen(&app, "0 {\"x\":1};");
        app_end(&app);
    }
}

/* ---- calls and reports ---- */

static void calls_are_answered(void **state)
{
    struct app app;
    uint32_t one, two;

    (void) state;
    for (volatile size_t i = 0; i < ag_array_size(ways); i++) {
        app_begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        assert_int_equal(agent_call(app.conn, NULL, "a", "[1]", 0, app_on_end, &app), 0);
        assert_int_equal(agent_open(app.conn, ways[i].address), 0);
        agent_call(app.conn, NULL, "b", NULL, 0, app_on_end, &app);
        one = agent_test_expect_call(app.t, "a", "[1]");
        two = agent_test_expect_call(app.t, "b", NULL);
        agent_test_answer_error(app.t, two, -7, "not \"so\"");
        agent_test_answer(app.t, one, "[\"x\"]");
        assert_seen(&app, "-4004 {\"code\":-7,\"message\":\"not \\\"so\\\"\"};0 [\"x\"];");
        FAILS("waits for no answer with id", agent_test_answer(app.t, one, NULL));
        agent_notify(app.conn, "c", NULL);
        assert_int_equal(agent_test_expect_report(app.t, "c", "[]"), 0);
        agent_test_expect_nothing(app.t);
        app_end(&app);
    }
}

static void reports_are_acknowledged(void **state)
{
    struct app app;
    uint32_t id;

    (void) state;
    app_begin(&app);
    app_open(&app);
    agent_test_run(app.t);
    agent_reportf(app.conn, "props", app_on_end, &app, "{%s:%d}", "bright", 80);
    agent_report_event(app.conn, "click", NULL, NULL, NULL);
    agent_report_property(app.conn, NULL, 2, 1, "21.50", app_on_end, &app);
    assert_int_not_equal(agent_test_expect_report(app.t, "props", "{\"bright\":80}"), 0);
    assert_int_equal(agent_test_expect_report(app.t, "event.click", "[]"), 0);
    agent_test_expect_report(app.t, "properties_changed", "[{\"value\":21.5,\"piid\":1,\"siid\":2}]");
    assert_seen(&app, "0 [\"ok\"];0 [\"ok\"];");
    agent_test_acknowledge(app.t, 0);
    agent_report_prop(app.conn, "p", "1", app_on_end, &app);
    id = agent_test_expect_report(app.t, "prop.p", "[1]");
    assert_seen(&app, "");
    agent_test_answer_error(app.t, id, AGENT_CODE_NO_ACK, NULL);
    assert_non_null(strstr(app.seen, "-30011"));
    app_end(&app);
}

static void what_waits_is_served(void **state)
{
    struct app app;
    char word[32], *result = NULL;
    int64_t now;

    (void) state;
    app_begin(&app);
    agent_test_serve(app.t, "local.query_time", "1700000000");
    agent_test_serve(app.t, "local.query_country", "\"sg\"");
    agent_test_serve_by(app.t, "echo", app_on_served, &app);
    app_open(&app);
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
    app_end(&app);
}

static void the_status_is_followed(void **state)
{
    struct app app;

    (void) state;
    app_begin(&app);
    assert_int_equal(agent_follow_status(app.conn, NULL, on_status, &app), 0);
    app_open(&app);
    agent_test_run(app.t);
    assert_seen(&app, "cloud_connected;");
    agent_test_status(app.t, "cloud_retry");
    assert_seen(&app, "cloud_retry;");
    agent_test_drop(app.t);
    assert_seen(&app, AGENT_STATUS_UNKNOWN ";");
    agent_test_advance(app.t, 100);
    assert_seen(&app, "cloud_retry;");
    agent_test_expect_nothing(app.t);
    app_end(&app);
}

/* ---- a device of a model ---- */

static int on_light(agent_device *device, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    (void) device;
    (void) asked;
    app_note(user, "light %d;", value->b);
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
        app_begin(&app);
        agent_set_encoding(app.conn, ways[i].encoding);
        agent_test_serve(app.t, "local.query_did", "\"123456\"");
        agent_test_serve(app.t, "miIO.info", "{\"model\":\"a.b.c\",\"fw_ver\":\"1.2\"}");
        assert_int_equal(agent_model_parse(&model, lamp_model, strlen(lamp_model), NULL), 0);
        assert_int_equal(agent_device_new(&device, app.conn, model), 0);
        assert_int_equal(agent_device_on_set(device, "light.on", on_light, &app), 0);
        app_open(&app);
        id = agent_test_command(app.t, "set_properties", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"value\":true}]");
        agent_test_expect_result(app.t, id, "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"code\":0}]");
        agent_test_expect_report(app.t, "properties_changed", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1,\"value\":true}]");
        id = agent_test_command(app.t, "get_properties", "[{\"did\":\"123456\",\"siid\":2,\"piid\":1}]");
        agent_test_expect_result(app.t, id, "[{\"value\":true,\"code\":0,\"did\":\"123456\",\"siid\":2,\"piid\":1}]");
        assert_seen(&app, "light 1;");
        agent_test_expect_nothing(app.t);
        device = agent_device_free(device);
        model = agent_model_unref(model);
        app_end(&app);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered),     cmocka_unit_test(texts_may_be_larger_than_a_socket_takes),
        cmocka_unit_test(answers_may_come_later),    cmocka_unit_test(messages_of_other_applications),
        cmocka_unit_test(calls_are_answered),        cmocka_unit_test(reports_are_acknowledged),
        cmocka_unit_test(what_waits_is_served),      cmocka_unit_test(the_status_is_followed),
        cmocka_unit_test(a_device_of_a_model_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
