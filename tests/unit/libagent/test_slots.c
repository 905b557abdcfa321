/* SPDX-License-Identifier: MIT */
/* Slots, timers, posted work, reports that wait, and what every function says to NULL. */
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "agent/cjson.h"
#include "agent/test.h"
#include "libagent/conn/due.h"
#include "libagent/events.h"
#include "libagent/conn/request.h"

static uint64_t fixed_ms;

static uint64_t fixed_clock(void *user)
{
    (void) user;
    return fixed_ms;
}

/* Not open, on a clock that stands. */
static agent_conn *still_conn(void)
{
    agent_conn *conn = NULL;

    assert_int_equal(agent_new(&conn), 0);
    fixed_ms = 1000;
    conn->now_ms = fixed_clock;
    return conn;
}

/* ---- destroy notifiers ---- */

struct owned {
    agent_slot *slot;
    int n_runs, n_destroyed, runs_at_destroy;
    bool drop;
};

static void on_destroy(void *user)
{
    struct owned *o = user;

    o->n_destroyed++;
    o->runs_at_destroy = o->n_runs;
}

static void ran(struct owned *o)
{
    o->n_runs++;
    if (o->drop)
        o->slot = agent_slot_unref(o->slot);
    assert_int_equal(o->n_destroyed, 0); /* user is in use */
}

static int on_request(agent_request *req, void *user)
{
    ran(user);
    return agent_reply(req, NULL);
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) status;
    (void) result;
    (void) error;
    ran(user);
}

static void on_timer(agent_conn *conn, void *user)
{
    (void) conn;
    ran(user);
}

static void destroyed_when_the_slot_has_ended(void **state)
{
    struct owned o;
    struct lab l;

    (void) state;
    for (int drop = 0; drop < 2; drop++) { /* 1: inside its own callback */
        lab_init(&l);
        o = (struct owned){.drop = drop};
        agent_subscribe(l.conn, &o.slot, "m", on_request, &o);
        assert_int_equal(agent_slot_set_destroy(o.slot, on_destroy), 0);
        lab_up(&l);
        lab_say(&l, "{\"id\":1,\"method\":\"m\"}");
        assert_int_equal(o.n_runs, 1);
        assert_int_equal(o.n_destroyed, drop);
        o.slot = agent_slot_unref(o.slot);
        assert_int_equal(o.n_destroyed, 1);

        o = (struct owned){.drop = drop};
        lab_sent(&l);
        agent_call(l.conn, &o.slot, "c", NULL, 0, on_end, &o);
        agent_slot_set_destroy(o.slot, on_destroy);
        lab_say(&l, "{\"id\":2,\"result\":1}");
        assert_int_equal(o.n_runs, 1);
        assert_int_equal(o.n_destroyed, 1); /* although its slot may still be held */
        agent_slot_unref(o.slot);
        assert_int_equal(o.n_destroyed, 1);
        lab_deinit(&l);
    }
}

static void destroyed_when_the_call_is_given_up(void **state)
{
    struct owned o = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_call(l.conn, &o.slot, "c", NULL, 0, on_end, &o);
    agent_slot_set_destroy(o.slot, on_destroy);
    o.slot = agent_slot_unref(o.slot);
    assert_int_equal(o.n_destroyed, 1);
    assert_int_equal(o.n_runs, 0);
    lab_deinit(&l);
}

static void slots_that_are_given_live_as_long_as_the_connection(void **state)
{
    struct owned sub = {0}, call = {0}, timer = {0}, held = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_subscribe(l.conn, &sub.slot, "m", on_request, &sub);
    agent_slot_set_destroy(sub.slot, on_destroy);
    sub.slot = agent_slot_give(sub.slot);
    assert_null(sub.slot);
    agent_call(l.conn, &call.slot, "c", NULL, 0, on_end, &call);
    agent_slot_set_destroy(call.slot, on_destroy);
    agent_slot_ref(call.slot);
    agent_slot_give(call.slot);
    assert_null(agent_slot_give(call.slot)); /* the second reference just goes */
    agent_timer(l.conn, &timer.slot, 5, 5, on_timer, &timer);
    agent_slot_set_destroy(timer.slot, on_destroy);
    agent_slot_give(timer.slot);
    agent_subscribe(l.conn, &held.slot, "n", on_request, &held);
    agent_slot_set_destroy(held.slot, on_destroy);
    lab_up(&l);
    lab_say(&l, "{\"id\":1,\"method\":\"m\"}");
    assert_int_equal(sub.n_runs, 1);
    lab_deinit(&l);
    assert_int_equal(sub.n_destroyed, 1);
    assert_int_equal(call.n_destroyed, 1);
    assert_int_equal(call.runs_at_destroy, 1); /* CANCELED came before */
    assert_int_equal(timer.n_destroyed, 1);
    assert_int_equal(held.n_destroyed, 1); /* its slot outlives the connection, its user is not used any more */
    assert_int_equal(agent_slot_status(held.slot), -ENOTCONN);
    agent_slot_unref(held.slot);
    assert_int_equal(held.n_destroyed, 1);
}

/* ---- timers ---- */

struct beats {
    agent_conn *conn;
    agent_slot *slot;
    int n;
    uint64_t at[16];
};

static void on_beat(agent_conn *conn, void *user)
{
    struct beats *b = user;

    (void) conn;
    b->at[b->n++ % 16] = fixed_ms;
}

static void turn_at(agent_conn *conn, uint64_t ms)
{
    fixed_ms = ms;
    agent_process(conn);
}

static void timers_keep_their_beat(void **state)
{
    struct beats b = {0}, once = {0};
    agent_conn *conn = still_conn();

    (void) state;
    assert_int_equal(agent_timer(conn, &b.slot, 10, 20, on_beat, &b), 0);
    assert_int_equal(agent_timer(conn, NULL, 15, 0, on_beat, &once), 0);
    assert_int_equal(agent_get_timeout_ms(conn), 10);
    turn_at(conn, 1009);
    assert_int_equal(b.n, 0);
    turn_at(conn, 1012); /* late */
    assert_int_equal(b.n, 1);
    assert_int_equal(agent_get_timeout_ms(conn), 3);
    turn_at(conn, 1015);
    assert_int_equal(once.n, 1);
    assert_int_equal(agent_get_timeout_ms(conn), 15);
    turn_at(conn, 1030); /* on the beat, although the last came late */
    assert_int_equal(b.n, 2);
    turn_at(conn, 1095); /* three are missed: told once */
    assert_int_equal(b.n, 3);
    assert_int_equal(agent_get_timeout_ms(conn), 15);
    assert_int_equal(once.n, 1);
    b.slot = agent_slot_unref(b.slot);
    assert_int_equal(agent_get_timeout_ms(conn), -1);
    turn_at(conn, 5000);
    assert_int_equal(b.n, 3);
    agent_unref(conn);
}

static void timers_rest_while_closed(void **state)
{
    struct beats b = {0};
    agent_conn *conn = still_conn();

    (void) state;
    agent_timer(conn, NULL, 10, 10, on_beat, &b);
    turn_at(conn, 1010); /* a connection that was never opened is not closed */
    assert_int_equal(b.n, 1);
    agent_close(conn);
    assert_int_equal(agent_get_timeout_ms(conn), -1);
    turn_at(conn, 2000);
    assert_int_equal(b.n, 1);
    agent_open(conn, "unix:/nowhere/at/all");
    turn_at(conn, 2001);
    assert_int_equal(b.n, 2);
    agent_unref(conn);
}

static void on_beat_begin_another(agent_conn *conn, void *user)
{
    struct beats *b = user;

    b->n++;
    assert_int_equal(agent_timer(conn, NULL, 0, 0, on_beat_begin_another, user), 0);
}

static void a_timer_of_a_timer_comes_in_another_turn(void **state)
{
    struct beats b = {0};
    agent_conn *conn = still_conn();

    (void) state;
    agent_timer(conn, NULL, 0, 0, on_beat_begin_another, &b);
    turn_at(conn, 1001);
    assert_int_equal(b.n, 1);
    turn_at(conn, 1002);
    assert_int_equal(b.n, 2);
    agent_unref(conn);
}

static void on_beat_stop(agent_conn *conn, void *user)
{
    struct beats *b = user;

    if (++b->n == 3)
        agent_stop(conn, 9);
}

static void timers_run_in_agent_run(void **state)
{
    struct beats b = {0};
    agent_conn *conn = NULL;

    (void) state;
    agent_new(&conn);
    agent_timer(conn, NULL, 1, 1, on_beat_stop, &b);
    assert_int_equal(agent_run(conn), 9);
    assert_int_equal(b.n, 3);
    agent_unref(conn);
}

/* ---- posted work ---- */

static int order[AGENT_POST_MAX + 8], n_order;

static void on_post(agent_conn *conn, void *user)
{
    (void) conn;
    order[n_order++] = (int) (intptr_t) user;
}

static void posted_work_runs_in_order_and_once(void **state)
{
    agent_conn *conn = still_conn();

    (void) state;
    for (int round = 0; round < 3; round++) {
        n_order = 0;
        for (intptr_t i = 0; i < AGENT_POST_MAX; i++)
            assert_int_equal(agent_post(conn, on_post, (void *) i), 0);
        assert_int_equal(agent_post(conn, on_post, NULL), -ENOBUFS);
        assert_int_equal(n_order, 0); /* not before agent_process() */
        assert_int_equal(agent_wait(conn, -1), 1);
        fake_turn(conn);
        assert_int_equal(n_order, AGENT_POST_MAX);
        for (int i = 0; i < AGENT_POST_MAX; i++)
            assert_int_equal(order[i], i);
        fake_turn(conn);
        assert_int_equal(n_order, AGENT_POST_MAX);
    }
    agent_unref(conn);
}

static void posted_work_is_not_forgotten_at_the_end(void **state)
{
    agent_conn *conn = still_conn();

    (void) state;
    n_order = 0;
    agent_post(conn, on_post, (void *) 1);
    agent_close(conn);
    assert_int_equal(n_order, 1);
    agent_post(conn, on_post, (void *) 2); /* a closed one takes work, too */
    fake_turn(conn);
    assert_int_equal(n_order, 2);
    agent_post(conn, on_post, (void *) 3);
    agent_unref(conn);
    assert_int_equal(n_order, 3);
}

static void on_post_again(agent_conn *conn, void *user)
{
    int *last = user;

    n_order++;
    *last = agent_post(conn, on_post_again, user);
}

static void work_that_posts_itself_does_not_hold_the_end(void **state)
{
    agent_conn *conn = still_conn();
    int last = 0;

    (void) state;
    n_order = 0;
    agent_post(conn, on_post_again, &last);
    agent_process(conn);
    assert_int_equal(n_order, 1);
    assert_int_equal(agent_wait(conn, -1), 1);
    agent_process(conn);
    assert_int_equal(n_order, 2);
    agent_close(conn);
    assert_int_equal(n_order, 3);
    agent_unref(conn);
    assert_int_equal(n_order, 4);
    assert_int_equal(last, -ESHUTDOWN);
}

static agent_conn *posted_to;

static void on_signal(int signum)
{
    assert_int_equal(agent_post(posted_to, on_post, (void *) (intptr_t) signum), 0);
}

static void a_signal_handler_may_post(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    agent_conn *conn = still_conn();

    (void) state;
    posted_to = conn;
    n_order = 0;
    sigaction(SIGUSR1, &action, NULL);
    errno = 77;
    raise(SIGUSR1);
    assert_int_equal(errno, 77);
    fake_turn(conn);
    assert_int_equal(n_order, 1);
    assert_int_equal(order[0], SIGUSR1);
    agent_unref(conn);
}

/* ---- reports that wait ---- */

static int n_log_lines;

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    (void) level;
    (void) user;
    n_log_lines += strstr(text, "report was given up") != NULL;
}

static void reports_may_wait_for_a_connection(void **state)
{
    struct lab l;
    int n = 0;

    (void) state;
    lab_init(&l);
    assert_int_equal(agent_report_props(l.conn, "{\"a\":1}", NULL, NULL), -ENOTCONN); /* as ever */
    assert_int_equal(agent_set_report_wait(l.conn, 500), 0);
    assert_int_equal(agent_report_props(l.conn, "{\"a\":1}", NULL, NULL), 0);
    assert_int_equal(agent_call(l.conn, NULL, "c", NULL, 0, lab_on_end, &l), 0);
    assert_int_equal(agent_reportf(l.conn, "event.x", NULL, NULL, "[%d]", 2), 0);
    assert_int_equal(agent_notify(l.conn, "x", NULL), -ENOTCONN); /* is no report */
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"method\":\"props\",\"params\":{\"a\":1}}{\"id\":2,\"method\":\"c\",\"params\":[]}"
                                      "{\"method\":\"event.x\",\"params\":[2]}");
    assert_int_equal(agent_report_prop(l.conn, "p", "3", NULL, NULL), 0); /* at once now */
    assert_string_equal(lab_sent(&l), "{\"method\":\"prop.p\",\"params\":[3]}");
    lab_say(&l, "{\"id\":2,\"result\":1}");
    assert_string_equal(lab_seen(&l), "0 1;");

    lab_down(&l);
    agent_set_log(l.conn, on_log, AGENT_LOG_WARNING, NULL);
    n_log_lines = 0;
    assert_int_equal(agent_report_props(l.conn, "{\"a\":4}", NULL, NULL), 0);
    lab_at(&l, 1600);
    ag_conn_tell_log(l.conn);
    assert_int_equal(n_log_lines, 1);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "");
    lab_down(&l);
    agent_set_queue_limit(l.conn, 200);
    while (agent_report_props(l.conn, "{\"a\":5}", NULL, NULL) == 0)
        n++;
    assert_in_range(n, 2, 10);
    assert_int_equal(agent_report_props(l.conn, "{\"a\":5}", NULL, NULL), -ENOBUFS);
    agent_close(l.conn);
    assert_int_equal(n_log_lines, 1 + n);
    lab_deinit(&l);
}

static void nothing_overtakes_what_waits(void **state)
{
    char sent[4096] = "";
    struct lab l;
    const char *more;

    (void) state;
    lab_init(&l);
    agent_set_queue_limit(l.conn, 200);
    for (int i = 0; i < 3; i++)
        assert_int_equal(agent_reportf(l.conn, "event.x", lab_on_end, &l, "[%d]", i), 0);
    agent_set_queue_limit(l.conn, 60); /* room for one at a time */
    lab_up(&l);
    assert_int_equal(agent_notify(l.conn, "last", NULL), -ENOBUFS);
    assert_int_equal(agent_notify(l.conn, "last", NULL), -ENOBUFS);
    while (*(more = lab_sent(&l))) {
        strcat(sent, more);
        ag_conn_send_due(l.conn);
    }
    assert_non_null(strstr(sent, "[0]"));
    assert_true(strstr(sent, "[0]") < strstr(sent, "[1]") && strstr(sent, "[1]") < strstr(sent, "[2]"));
    assert_int_equal(agent_notify(l.conn, "last", NULL), 0);
    lab_deinit(&l);
}

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

/* Every function that takes a pointer which must not be NULL, with NULL there; -EINVAL, or NULL, or nothing. */
static void null_arguments(void **state)
{
    agent_conn *conn = still_conn(), *none = NULL;
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
    INVALID(agent_post(none, on_post, NULL));
    INVALID(agent_post(conn, NULL, NULL));
    INVALID(agent_timer(none, NULL, 1, 1, on_timer, NULL));
    INVALID(agent_timer(conn, &slot, 1, 1, NULL, NULL));
    INVALID(agent_subscribe(none, &slot, "k", on_request, NULL));
    INVALID(agent_subscribe(conn, &slot, NULL, on_request, NULL));
    INVALID(agent_subscribe(conn, &slot, "k", NULL, NULL));
    INVALID(agent_subscribe_mode(none, &slot, "k", AGENT_SHARED, on_request, NULL, NULL));
    INVALID(agent_subscribe_mode(conn, &slot, "k", (enum agent_mode) 3, on_request, NULL, NULL));
    INVALID(agent_slot_set_destroy(NULL, on_destroy));
    INVALID(agent_slot_status(NULL));
    INVALID(agent_request_id(NULL, &id));
    INVALID(agent_request_answer_errors(NULL, 1));
    INVALID(agent_request_ignore(NULL));
    INVALID(agent_reply(NULL, NULL));
    INVALID(agent_replyf(NULL, "[]"));
    INVALID(agent_reply_error(NULL, 1, NULL));
    INVALID(agent_reply_error_data(NULL, 1, NULL, NULL));
    INVALID(agent_call(none, &slot, "m", NULL, 0, on_end, NULL));
    INVALID(agent_call(conn, &slot, NULL, NULL, 0, on_end, NULL));
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
    INVALID(agent_bind(none, 1, on_request, NULL));
    INVALID(agent_bind(conn, 1, NULL, NULL));
    INVALID(agent_set_on_bound(none, NULL, NULL));
    INVALID(agent_send(none, NULL, 1, "m", NULL, 0, on_end, NULL));
    INVALID(agent_send(conn, NULL, 1, NULL, NULL, 0, on_end, NULL));
    INVALID(agent_send(conn, NULL, 0, "m", NULL, 0, on_end, NULL));
    INVALID(agent_send(conn, &slot, 1, "m", NULL, 0, NULL, NULL));
    INVALID(agent_follow_status(none, &slot, (agent_status_fn) (void (*)(void)) on_post, NULL));
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
        cmocka_unit_test(destroyed_when_the_slot_has_ended),
        cmocka_unit_test(destroyed_when_the_call_is_given_up),
        cmocka_unit_test(slots_that_are_given_live_as_long_as_the_connection),
        cmocka_unit_test(timers_keep_their_beat),
        cmocka_unit_test(timers_rest_while_closed),
        cmocka_unit_test(a_timer_of_a_timer_comes_in_another_turn),
        cmocka_unit_test(timers_run_in_agent_run),
        cmocka_unit_test(posted_work_runs_in_order_and_once),
        cmocka_unit_test(posted_work_is_not_forgotten_at_the_end),
        cmocka_unit_test(work_that_posts_itself_does_not_hold_the_end),
        cmocka_unit_test(a_signal_handler_may_post),
        cmocka_unit_test(reports_may_wait_for_a_connection),
        cmocka_unit_test(nothing_overtakes_what_waits),
        cmocka_unit_test(values_of_cjson_go_everywhere),
        cmocka_unit_test(a_waiting_call_gives_a_value_of_cjson),
        cmocka_unit_test(objects_and_arrays_are_checked),
        cmocka_unit_test(every_code_has_words_of_its_own),
        cmocka_unit_test(the_header_and_the_library_have_one_version),
        cmocka_unit_test(the_error_object_of_a_query_is_kept),
        cmocka_unit_test(null_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
