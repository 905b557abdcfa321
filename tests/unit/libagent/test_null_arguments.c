/* SPDX-License-Identifier: MIT */
/* What every function says to NULL. */
#include <errno.h>
#include <string.h>
#include "libagent/conn/request.h"
#include "tests/unit/libagent/lab.h"

static void on_nothing(agent_conn *conn, void *user)
{
    (void) conn;
    (void) user;
}

/* Every function that takes a pointer which must not be NULL, with NULL there; -EINVAL, or NULL, or nothing. */
static void null_arguments(void **state)
{
    agent_conn *conn = NULL, *none = NULL;
    agent_slot *slot = NULL;
    uint32_t id;
    uint64_t u;
    int64_t t;
    double d;
    size_t n;
    const char *raw;
    char buf[8];
    int b;
    struct lab l;
    agent_request *req;

    (void) state;
    assert_int_equal(agent_new(&conn), 0);
#define INVALID(call) assert_int_equal(call, -EINVAL)
    INVALID(agent_new(NULL));
    INVALID(agent_set_encoding(none, AGENT_JSON));
    INVALID(agent_set_encoding(conn, (enum agent_encoding) 2));
    INVALID(agent_set_on_state(none, NULL, NULL));
    INVALID(agent_set_log(none, NULL, AGENT_LOG_ERROR, NULL));
    INVALID(agent_set_log(conn, NULL, (enum agent_log_level) 4, NULL));
    INVALID(agent_set_reconnect(none, 1, 1));
    INVALID(agent_set_queue_limit(none, 1));
    INVALID(agent_set_queue_limit(conn, 0));
    INVALID(agent_set_report_wait(none, 1));
    INVALID(agent_open(none, NULL));
    INVALID(agent_get_fd(none));
    INVALID(agent_get_events(none));
    INVALID(agent_get_timeout_ms(none));
    INVALID(agent_process(none));
    INVALID(agent_wait(none, 0));
    INVALID(agent_run(none));
    INVALID(agent_post(none, on_nothing, NULL));
    INVALID(agent_post(conn, NULL, NULL));
    INVALID(agent_timer(none, NULL, 1, 1, on_nothing, NULL));
    INVALID(agent_timer(conn, &slot, 1, 1, NULL, NULL));
    INVALID(agent_subscribe(none, &slot, "k", lab_on_request, NULL));
    INVALID(agent_subscribe(conn, &slot, NULL, lab_on_request, NULL));
    INVALID(agent_subscribe(conn, &slot, "k", NULL, NULL));
    INVALID(agent_subscribe_mode(none, &slot, "k", AGENT_SHARED, lab_on_request, NULL, NULL));
    INVALID(agent_subscribe_mode(conn, &slot, "k", (enum agent_mode) 3, lab_on_request, NULL, NULL));
    INVALID(agent_slot_set_destroy(NULL, free));
    INVALID(agent_slot_status(NULL));
    INVALID(agent_request_id(NULL, &id));
    INVALID(agent_request_answer_errors(NULL, 1));
    INVALID(agent_request_ignore(NULL));
    INVALID(agent_reply(NULL, NULL));
    INVALID(agent_replyf(NULL, "[]"));
    INVALID(agent_reply_error(NULL, 1, NULL));
    INVALID(agent_reply_error_data(NULL, 1, NULL, NULL));
    INVALID(agent_call(none, &slot, "m", NULL, 0, lab_on_end, NULL));
    INVALID(agent_call(conn, &slot, NULL, NULL, 0, lab_on_end, NULL));
    INVALID(agent_call(conn, &slot, "m", NULL, 0, NULL, NULL));
    INVALID(agent_call_sync(none, "m", NULL, 0, NULL));
    INVALID(agent_call_sync(conn, NULL, NULL, 0, NULL));
    INVALID(agent_notify(none, "m", NULL));
    INVALID(agent_notify(conn, NULL, NULL));
    INVALID(agent_report_props(none, "{}", NULL, NULL));
    INVALID(agent_report_props(conn, NULL, NULL, NULL));
    INVALID(agent_report_prop(none, "p", "1", NULL, NULL));
    INVALID(agent_report_prop(conn, NULL, "1", NULL, NULL));
    INVALID(agent_report_prop(conn, "p", NULL, NULL, NULL));
    INVALID(agent_report_event(none, "e", NULL, NULL, NULL));
    INVALID(agent_report_event(conn, NULL, NULL, NULL, NULL));
    INVALID(agent_report_property(none, NULL, 1, 1, "1", NULL, NULL));
    INVALID(agent_report_property(conn, NULL, 1, 1, NULL, NULL, NULL));
    INVALID(agent_report_miot_event(none, NULL, 1, 1, NULL, NULL, NULL));
    INVALID(agent_reportf(none, "props", NULL, NULL, "{}"));
    INVALID(agent_reportf(conn, NULL, NULL, NULL, "{}"));
    INVALID(agent_bind(none, 1, lab_on_request, NULL));
    INVALID(agent_bind(conn, 1, NULL, NULL));
    INVALID(agent_set_on_bound(none, NULL, NULL));
    INVALID(agent_send(none, NULL, 1, "m", NULL, 0, lab_on_end, NULL));
    INVALID(agent_send(conn, NULL, 1, NULL, NULL, 0, lab_on_end, NULL));
    INVALID(agent_send(conn, NULL, 0, "m", NULL, 0, lab_on_end, NULL));
    INVALID(agent_send(conn, &slot, 1, "m", NULL, 0, NULL, NULL));
    INVALID(agent_follow_status(none, &slot, (agent_status_fn) (void (*)(void)) on_nothing, NULL));
    INVALID(agent_follow_status(conn, &slot, NULL, NULL));
    INVALID(agent_query_time(none, &t));
    INVALID(agent_query_time(conn, NULL));
    INVALID(agent_query_country(none, buf, sizeof buf));
    INVALID(agent_query_country(conn, NULL, 1));
    INVALID(agent_query_country(conn, buf, 0));
    INVALID(agent_query_status(none, buf, sizeof buf));
    INVALID(agent_query_status(conn, NULL, 1));
    assert_null(slot);
    assert_null(agent_ref(NULL));
    assert_null(agent_unref(NULL));
    agent_unrefp(NULL);
    agent_unrefp(&none);
    agent_close(NULL);
    agent_stop(NULL, 1);
    agent_wake(NULL);
    assert_int_equal(agent_get_state(NULL), AGENT_CLOSED);
    assert_null(agent_slot_ref(NULL));
    assert_null(agent_slot_unref(NULL));
    assert_null(agent_slot_give(NULL));
    agent_slot_unrefp(NULL);
    agent_slot_unrefp(&slot);
    assert_null(agent_request_ref(NULL));
    assert_null(agent_request_unref(NULL));
    agent_request_unrefp(NULL);
    assert_null(agent_request_method(NULL));
    assert_null(agent_request_params(NULL));
    assert_null(agent_request_text(NULL));
    assert_null(agent_request_origin(NULL));
    assert_null(agent_request_conn(NULL));
    assert_int_equal(agent_request_from(NULL), 0);
    assert_null(agent_last_error(NULL));
    assert_int_equal(agent_error_code(NULL), 0);
    agent_unref(conn);

    lab_init(&l);
    lab_up(&l);
    {
        char text[] = "{\"id\":1,\"method\":\"m\",\"params\":[1]}";
        struct ag_span span = {text, strlen(text)};
        struct ag_json_view v;

        assert_int_equal(ag_json_parse(&span, 8, &v), 0);
        req = ag_request_new(l.conn, span, &v, AG_SPAN("m"));
    }
    assert_non_null(req);
    assert_int_equal(agent_request_id(req, NULL), 1);
    assert_int_equal(agent_param_type(NULL, "0"), AGENT_TYPE_NONE);
    assert_int_equal(agent_param_type(req, NULL), AGENT_TYPE_NONE);
    INVALID(agent_param_count(NULL, "0"));
    INVALID(agent_param_count(req, NULL));
    INVALID(agent_param_str(NULL, "0", buf, sizeof buf));
    INVALID(agent_param_str(req, NULL, buf, sizeof buf));
    INVALID(agent_param_str(req, "0", NULL, sizeof buf));
    INVALID(agent_param_str(req, "0", buf, 0));
    INVALID(agent_param_int(NULL, "0", 0, 1, &t));
    INVALID(agent_param_int(req, NULL, 0, 1, &t));
    INVALID(agent_param_int(req, "0", 0, 1, NULL));
    INVALID(agent_param_int(req, "0", 1, 0, &t));
    INVALID(agent_param_uint(NULL, "0", 0, 1, &u));
    INVALID(agent_param_uint(req, NULL, 0, 1, &u));
    INVALID(agent_param_uint(req, "0", 0, 1, NULL));
    INVALID(agent_param_uint(req, "0", 1, 0, &u));
    INVALID(agent_param_double(NULL, "0", 0, 1, &d));
    INVALID(agent_param_double(req, NULL, 0, 1, &d));
    INVALID(agent_param_double(req, "0", 0, 1, NULL));
    INVALID(agent_param_bool(NULL, "0", &b));
    INVALID(agent_param_bool(req, NULL, &b));
    INVALID(agent_param_bool(req, "0", NULL));
    INVALID(agent_param_raw(NULL, "0", &raw, &n));
    INVALID(agent_param_raw(req, NULL, &raw, &n));
    INVALID(agent_param_raw(req, "0", NULL, &n));
    INVALID(agent_param_raw(req, "0", &raw, NULL));
    INVALID(agent_replyf(req, NULL));
    INVALID(agent_reportf(l.conn, "props", NULL, NULL, NULL));
    agent_request_unref(req);
    lab_deinit(&l);
#undef INVALID
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
