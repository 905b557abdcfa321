/* SPDX-License-Identifier: MIT */
/* Values of cJSON, objects and arrays, the words for errors. */
#include <errno.h>
#include <stdio.h>
#include "agent/cjson.h"
#include "agent/test.h"
#include "tests/unit/libagent/lab.h"

/* ---- cJSON ---- */

static int on_request_cjson(agent_request *req, void *user)
{
    cJSON *params = agent_cjson_params(req);
    const cJSON *first = cJSON_GetArrayItem(params, 0);
    int r;

    (void) user;
    r = cJSON_IsString(first) ? agent_cjson_reply(req, params) : agent_cjson_reply_error(req, -5003, "no", first);
    cJSON_Delete(params);
    return r;
}

static void values_of_cjson_go_everywhere(void **state)
{
    cJSON *object = cJSON_Parse("{\"a\":[\"\\u00e4\",1]}"), *array = cJSON_Parse("[1,true]");
    struct lab l;

    (void) state;
    lab_init(&l);
    lab_up(&l);
    agent_subscribe(l.conn, NULL, "m", on_request_cjson, NULL);
    lab_sent(&l);
    lab_say(&l, "{\"id\":7,\"method\":\"m\",\"params\":[ \"x\\n\" ]}{\"id\":8,\"method\":\"m\",\"params\":[5]}"
                "{\"id\":9,\"method\":\"m\"}");
    assert_string_equal(lab_sent(&l), "{\"id\":7,\"result\":[\"x\\n\"]}"
                                      "{\"id\":8,\"error\":{\"code\":-5003,\"message\":\"no\",\"data\":5}}"
                                      "{\"id\":9,\"error\":{\"code\":-5003,\"message\":\"no\"}}");
    assert_int_equal(agent_cjson_call(l.conn, NULL, "c", array, 0, lab_on_end, &l), 0);
    assert_int_equal(agent_cjson_notify(l.conn, "n", object), 0);
    assert_int_equal(agent_cjson_send(l.conn, NULL, 2, "s", NULL, 0, NULL, NULL), 0);
    assert_string_equal(lab_sent(&l), "{\"id\":2,\"method\":\"c\",\"params\":[1,true]}"
                                      "{\"method\":\"n\",\"params\":{\"a\":[\"\xc3\xa4\",1]}}"
                                      "{\"_to\":2,\"method\":\"s\",\"params\":[]}");
    assert_int_equal(agent_cjson_report_props(l.conn, object, NULL, NULL), 0);
    assert_int_equal(agent_cjson_report_props(l.conn, array, NULL, NULL), AGENT_E_JSON);
    assert_int_equal(agent_cjson_report_prop(l.conn, "p", array, NULL, NULL), 0);
    assert_int_equal(agent_cjson_report_event(l.conn, "e", NULL, NULL, NULL), 0);
    assert_int_equal(agent_cjson_report_property(l.conn, NULL, 1, 2, object, NULL, NULL), 0);
    assert_int_equal(agent_cjson_report_miot_event(l.conn, "d", 1, 2, array, NULL, NULL), 0);
    assert_string_equal(lab_sent(&l), "{\"method\":\"props\",\"params\":{\"a\":[\"\xc3\xa4\",1]}}"
                                      "{\"method\":\"prop.p\",\"params\":[[1,true]]}"
                                      "{\"method\":\"event.e\",\"params\":[]}"
                                      "{\"method\":\"properties_changed\",\"params\":[{\"siid\":1,\"piid\":2,\"value\":"
                                      "{\"a\":[\"\xc3\xa4\",1]}}]}"
                                      "{\"method\":\"event_occured\",\"params\":{\"did\":\"d\",\"siid\":1,\"eiid\":2,"
                                      "\"arguments\":[1,true]}}");
    assert_null(agent_cjson_params(NULL));
    assert_null(agent_cjson_parse(NULL));
    lab_deinit(&l);
    cJSON_Delete(object);
    cJSON_Delete(array);
}

static void refuse(agent_test *t, uint32_t id, const char *params, void *user)
{
    (void) params;
    agent_test_answer_error(t, id, -7, user);
}

static void a_waiting_call_gives_a_value_of_cjson(void **state)
{
    agent_conn *conn = NULL;
    cJSON *result = NULL;
    agent_test *t;

    (void) state;
    agent_new(&conn);
    t = agent_test_new(conn, NULL);
    agent_open(conn, NULL);
    agent_test_serve(t, "c", "{\"x\":[1]}");
    assert_int_equal(agent_cjson_call_sync(conn, "c", NULL, 0, &result), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(result, "x")), 1);
    cJSON_Delete(result);
    agent_test_serve_by(t, "c", refuse, NULL);
    assert_int_equal(agent_cjson_call_sync(conn, "c", NULL, 0, &result), AGENT_E_REMOTE);
    assert_int_equal(cJSON_GetObjectItem(result, "code")->valueint, -7);
    cJSON_Delete(result);
    agent_unref(conn);
    agent_test_free(t);
}

/* ---- values, words, errors ---- */

static void objects_and_arrays_are_checked(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    lab_up(&l);
    assert_int_equal(agent_report_props(l.conn, "[1]", NULL, NULL), AGENT_E_JSON);
    assert_int_equal(agent_report_props(l.conn, "1", lab_on_end, &l), AGENT_E_JSON);
    assert_int_equal(agent_report_props(l.conn, " {} ", NULL, NULL), 0);
    assert_int_equal(agent_report_event(l.conn, "x", "{}", NULL, NULL), AGENT_E_JSON);
    assert_int_equal(agent_report_event(l.conn, "x", "\"x\"", lab_on_end, &l), AGENT_E_JSON);
    assert_int_equal(agent_report_event(l.conn, "x", " [] ", NULL, NULL), 0);
    assert_int_equal(agent_report_miot_event(l.conn, NULL, 1, 1, "{}", NULL, NULL), AGENT_E_JSON);
    assert_int_equal(agent_report_miot_event(l.conn, NULL, 1, 1, "[1]", NULL, NULL), 0);
    assert_int_equal(agent_report_property(l.conn, NULL, 1, 1, "{}", NULL, NULL), 0);
    lab_deinit(&l);
    assert_string_equal(lab_seen(&l), "");
}

static void every_code_has_words_of_its_own(void **state)
{
    static const int codes[] = {AGENT_E_LOST,
                                AGENT_E_TIMEOUT,
                                AGENT_E_CANCELED,
                                AGENT_E_REMOTE,
                                AGENT_E_PROTOCOL,
                                AGENT_E_ANSWERED,
                                AGENT_E_JSON,
                                AGENT_CODE_METHOD_NOT_FOUND,
                                AGENT_CODE_INVALID_PARAMS,
                                AGENT_CODE_BUSY,
                                AGENT_CODE_NOT_PERMITTED,
                                AGENT_CODE_NOT_CONNECTED,
                                AGENT_CODE_SHUTTING_DOWN,
                                AGENT_CODE_KEY_TAKEN,
                                AGENT_CODE_NO_ACK,
                                AGENT_CODE_ACK_TIMEOUT,
                                -ENOMEM,
                                -ECHILD,
                                -ESHUTDOWN,
                                -ENOTCONN};

    (void) state;
    for (size_t i = 0; i < ag_array_size(codes); i++) {
        assert_string_not_equal(agent_strerror(codes[i]), "unknown error");
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(agent_strerror(codes[i]), agent_strerror(codes[k]));
    }
    assert_string_equal(agent_strerror(-5001), "unknown error");
    assert_string_equal(agent_strerror(INT32_MIN), "unknown error");
    assert_string_equal(agent_strerror(0), "success");
    assert_string_equal(agent_strerror(AGENT_WAITING), "success");
}

static void the_header_and_the_library_have_one_version(void **state)
{
    char text[32];

    (void) state;
    snprintf(text, sizeof text, "%d.%d.%d", AGENT_VERSION_NUMBER / 10000, AGENT_VERSION_NUMBER / 100 % 100,
             AGENT_VERSION_NUMBER % 100);
    assert_string_equal(agent_version(), text);
}

static void the_error_object_of_a_query_is_kept(void **state)
{
    agent_conn *conn = NULL;
    agent_test *t;
    int64_t now;

    (void) state;
    agent_new(&conn);
    t = agent_test_new(conn, NULL);
    agent_open(conn, NULL);
    assert_null(agent_last_error(conn));
    agent_test_serve_by(t, "local.query_time", refuse, "not connected");
    assert_int_equal(agent_query_time(conn, &now), AGENT_E_REMOTE);
    assert_string_equal(agent_last_error(conn), "{\"code\":-7,\"message\":\"not connected\"}");
    assert_int_equal(agent_error_code(agent_last_error(conn)), -7);
    agent_test_serve(t, "local.query_time", "1700000000");
    assert_int_equal(agent_query_time(conn, &now), 0);
    assert_int_equal(now, 1700000000);
    assert_null(agent_last_error(conn));
    agent_unref(conn);
    agent_test_free(t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_cjson_go_everywhere),
        cmocka_unit_test(a_waiting_call_gives_a_value_of_cjson),
        cmocka_unit_test(objects_and_arrays_are_checked),
        cmocka_unit_test(every_code_has_words_of_its_own),
        cmocka_unit_test(the_header_and_the_library_have_one_version),
        cmocka_unit_test(the_error_object_of_a_query_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
