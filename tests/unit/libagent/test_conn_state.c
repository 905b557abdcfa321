/* SPDX-License-Identifier: MIT */
/* A connection comes up, registers, follows the status, is lost and comes back; callbacks that drop it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/events.h"
#include "tests/unit/libagent/lab.h"

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    lab_note(user, "state%d;", (int) state);
}

static void registers_and_becomes_ready(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_set_on_state(l.conn, on_state, &l);
    assert_int_equal(agent_subscribe(l.conn, NULL, "set_power", lab_on_request, &l), 0);
    assert_int_equal(agent_subscribe(l.conn, NULL, "prop.*", lab_on_request, &l), 0);
    assert_int_equal(agent_subscribe(l.conn, NULL, "set_power", lab_on_request, &l), -EEXIST);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"register\",\"key\":\"set_power\"}"
                                      "{\"id\":2,\"method\":\"register\",\"key\":\"prop.*\"}");
    assert_string_equal(lab_seen(&l), "state2;");
    lab_say(&l, "{\"id\":1,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "");
    lab_say(&l, "{\"id\":2,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "state3;");
    lab_deinit(&l);
}

static void old_agent_is_accepted_after_200_ms(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_set_on_state(l.conn, on_state, &l);
    agent_subscribe(l.conn, NULL, "m", lab_on_request, &l);
    lab_up(&l);
    lab_at(&l, 1199);
    assert_string_equal(lab_seen(&l), "state2;");
    lab_at(&l, 1200);
    assert_string_equal(lab_seen(&l), "state3;");
    lab_say(&l, "{\"id\":1,\"result\":[\"ok\"]}"); /* merely slow: nothing new */
    assert_string_equal(lab_seen(&l), "");
    assert_true(ag_conn_deadline(l.conn) == UINT64_MAX);
    lab_deinit(&l);
}

static void loss_ends_calls_and_registers_again(void **state)
{
    struct lab l;
    agent_slot *sub = NULL, *call = NULL;

    (void) state;
    lab_init(&l);
    agent_subscribe(l.conn, &sub, "m", lab_on_request, &l);
    lab_up(&l);
    agent_call(l.conn, NULL, "a", NULL, 0, lab_on_end, &l);
    agent_call(l.conn, &call, "b", NULL, 0, lab_on_end, &l);
    lab_sent(&l);
    lab_down(&l);
    assert_string_equal(lab_seen(&l), "-4001 -;-4001 -;");
    assert_int_equal(agent_get_state(l.conn), AGENT_CONNECTING);
    call = agent_slot_unref(call);
    agent_call(l.conn, NULL, "c", "[1]", 0, lab_on_end, &l); /* waits for the next connection */
    assert_string_equal(lab_sent(&l), "");
    lab_up(&l);
    assert_string_equal(lab_sent(&l),
                        "{\"id\":5,\"method\":\"register\",\"key\":\"m\"}{\"id\":4,\"method\":\"c\",\"params\":[1]}");
    sub = agent_slot_unref(sub);
    assert_string_equal(lab_sent(&l), "{\"method\":\"unregister\",\"key\":\"m\"}");
    assert_string_equal(lab_seen(&l), "");
    agent_close(l.conn);
    assert_string_equal(lab_seen(&l), "-4003 -;");
    lab_deinit(&l);
}

static void assert_pause(const struct lab *l, uint64_t longest_ms)
{
    assert_in_range(ag_conn_deadline(l->conn) - ag_conn_now(l->conn), longest_ms / 2, longest_ms);
}

/* An agent that accepts and closes at once is no reason to hurry. */
static void pauses_grow_until_a_connection_was_a_good_one(void **state)
{
    static const uint64_t longest_ms[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct lab l;

    (void) state;
    lab_init(&l);
    for (size_t i = 0; i < ag_array_size(longest_ms); i++) {
        lab_up(&l);
        lab_down(&l);
        assert_pause(&l, longest_ms[i]);
    }
    lab_up(&l);
    lab_at(&l, ag_conn_now(l.conn) + 1000);
    lab_down(&l);
    assert_pause(&l, 100);
    lab_up(&l);
    lab_down(&l);
    assert_pause(&l, 200);
    lab_up(&l);
    assert_int_equal(lab_say(&l, "{\"error\":{\"code\":-32000,\"message\":\"too many connections\"}}"), 0);
    lab_down(&l);
    assert_pause(&l, 400);
    lab_up(&l);
    assert_int_equal(lab_say(&l, "{\"method\":\"m\"}"), 0);
    lab_at(&l, ag_conn_now(l.conn) + 999);
    lab_down(&l);
    assert_pause(&l, 800); /* one that ends as soon as it has spoken is in trouble too */
    agent_close(l.conn);
    lab_deinit(&l);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    lab_note(user, "%s;", status);
}

static void status_is_followed(void **state)
{
    struct lab l;
    agent_slot *one = NULL;

    (void) state;
    lab_init(&l);
    agent_follow_status(l.conn, &one, on_status, &l);
    agent_follow_status(l.conn, NULL, on_status, &l);
    agent_subscribe(l.conn, NULL, "local.status", lab_on_request, &l);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"register\",\"key\":\"local.status\"}"
                                      "{\"id\":2,\"method\":\"local.query_status\",\"params\":\"\"}");
    lab_say(&l, "{\"id\":2,\"method\":\"local.status\",\"params\":\"cloud_retry\"}");
    assert_string_equal(lab_seen(&l), "cloud_retry;cloud_retry;");
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"cloud_connected\"}");
    assert_string_equal(lab_seen(&l), "local.status\"cloud_connected\";cloud_connected;cloud_connected;");
    one = agent_slot_unref(one);
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"x\"}");
    assert_string_equal(lab_seen(&l), "local.status\"x\";x;");
    lab_deinit(&l);
}

static void status_is_asked_again_while_upstream_is_away(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_follow_status(l.conn, NULL, on_status, &l);
    lab_up(&l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":2,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}");
    lab_at(&l, 5999);
    assert_string_equal(lab_sent(&l), "");
    lab_at(&l, 6000);
    assert_string_equal(lab_sent(&l), "{\"id\":3,\"method\":\"local.query_status\",\"params\":\"\"}");
    lab_deinit(&l);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    lab_note(user, "reg%d;", status);
}

static void modes_and_refusals(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_subscribe_mode(l.conn, NULL, "a", AGENT_EXCLUSIVE, lab_on_request, on_registered, &l);
    agent_subscribe_mode(l.conn, NULL, "b", AGENT_STANDBY, lab_on_request, on_registered, &l);
    agent_subscribe_mode(l.conn, NULL, "c", AGENT_SHARED, lab_on_request, on_registered, &l);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"register\",\"key\":\"a\",\"mode\":\"exclusive\"}"
                                      "{\"id\":2,\"method\":\"register\",\"key\":\"b\",\"mode\":\"standby\","
                                      "\"params\":{\"tell\":true}}"
                                      "{\"id\":3,\"method\":\"register\",\"key\":\"c\"}");
    lab_say(&l, "{\"id\":1,\"error\":{\"code\":-32004,\"message\":\"key has an owner\"}}{\"id\":2,\"result\":[\"ok\"]}"
                "{\"id\":3,\"error\":{\"code\": -32001}}");
    assert_int_equal(agent_get_state(l.conn), AGENT_READY);
    {
        char expected[64];

        snprintf(expected, sizeof expected, "reg%d;reg0;reg%d;", -EEXIST, -EPERM);
        assert_string_equal(lab_seen(&l), expected);
    }
    lab_deinit(&l);
}

/* An agent that is short of memory or of room may take it later. */
static void a_busy_agent_is_asked_again(void **state)
{
    static const char busy[] = "{\"id\":%u,\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}";
    char text[96];
    struct lab l;

    (void) state;
    lab_init(&l);
    lab_at(&l, 0);
    agent_subscribe_mode(l.conn, NULL, "a", AGENT_SHARED, lab_on_request, on_registered, &l);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":1,\"method\":\"register\",\"key\":\"a\"}");
    for (unsigned id = 1; id < 8; id += 2) { /* the pause takes one, too */
        uint64_t at = (uint64_t) (id / 2) * 5000;

        snprintf(text, sizeof text, busy, id);
        lab_say(&l, text);
        assert_string_equal(lab_seen(&l), id == 1 ? "reg-32000;" : ""); /* it is told of what changes */
        lab_at(&l, at + 4999);
        assert_string_equal(lab_sent(&l), "");
        lab_at(&l, at + 5000);
        snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"register\",\"key\":\"a\"}", id + 2);
        assert_string_equal(lab_sent(&l), text);
    }
    lab_say(&l, "{\"id\":9,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "reg0;");
    lab_at(&l, 600000);
    assert_string_equal(lab_sent(&l), "");
    lab_deinit(&l);
}

/* A loss or the end of the subscription comes first. */
static void a_busy_agent_is_not_asked_again_in_vain(void **state)
{
    agent_slot *slot;
    struct lab l;

    (void) state;
    lab_init(&l);
    lab_at(&l, 0);
    agent_subscribe_mode(l.conn, &slot, "a", AGENT_SHARED, lab_on_request, on_registered, &l);
    lab_up(&l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":1,\"error\":{\"code\":-32000,\"message\":\"too many keys\"}}");
    lab_down(&l);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "{\"id\":3,\"method\":\"register\",\"key\":\"a\"}");
    lab_at(&l, 5000);
    assert_string_equal(lab_sent(&l), "");
    lab_say(&l, "{\"id\":3,\"error\":{\"code\":-32000,\"message\":\"too many keys\"}}");
    agent_slot_unref(slot);
    lab_sent(&l);
    lab_at(&l, 600000);
    assert_string_equal(lab_sent(&l), "");
    lab_deinit(&l);
}

static int drop_everything(agent_request *req, void *user)
{
    struct lab *l = user;

    lab_note(l, "dropped;");
    agent_reply(req, NULL);
    l->conn = agent_unref(l->conn);
    lab_note(l, "back;");
    return 0;
}

/* What still is in the buffer is nobody's then, and calls end inside the unref. */
static void callbacks_may_drop_the_connection(void **state)
{
    char text[] = "{\"id\":1,\"method\":\"drop\"}{\"id\":2,\"method\":\"drop\"}";
    struct lab l;
    agent_conn *conn;

    (void) state;
    lab_init(&l);
    conn = l.conn;
    agent_subscribe(l.conn, NULL, "drop", drop_everything, &l);
    agent_call(l.conn, NULL, "x", NULL, 0, lab_on_end, &l);
    lab_up(&l);
    ag_conn_enter(conn);
    conn->processing = true;
    assert_int_equal(ag_conn_on_bytes(conn, text, strlen(text)), 0);
    ag_conn_check_ready(conn);
    ag_conn_on_time(conn, 1u << 30);
    conn->processing = false;
    assert_int_equal(agent_get_state(conn), AGENT_CLOSED);
    ag_conn_leave(conn);
    assert_null(l.conn);
    assert_string_equal(lab_seen(&l), "dropped;-4003 -;back;");
}

static agent_slot *dropped_slot;

static void drop_slot_on_ready(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    (void) user;
    if (state == AGENT_READY)
        dropped_slot = agent_slot_unref(dropped_slot);
}

static void drop_slot_when_registered(agent_slot *slot, int status, void *user)
{
    struct lab *l = user;

    (void) status;
    assert_ptr_equal(slot, dropped_slot);
    dropped_slot = agent_slot_unref(dropped_slot);
    assert_int_equal(agent_subscribe(l->conn, NULL, "n", lab_on_request, l), 0);
}

static void callbacks_may_drop_slots(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_set_on_state(l.conn, drop_slot_on_ready, NULL);
    agent_subscribe(l.conn, &dropped_slot, "m", lab_on_request, &l);
    lab_up(&l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":1,\"result\":[\"ok\"]}");
    assert_null(dropped_slot);
    assert_string_equal(lab_sent(&l), "{\"method\":\"unregister\",\"key\":\"m\"}");
    agent_subscribe_mode(l.conn, &dropped_slot, "n", AGENT_SHARED, lab_on_request, drop_slot_when_registered, &l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":2,\"result\":[\"ok\"]}");
    assert_null(dropped_slot);
    assert_string_equal(lab_sent(&l), "{\"method\":\"unregister\",\"key\":\"n\"}"
                                      "{\"id\":3,\"method\":\"register\",\"key\":\"n\"}");
    lab_deinit(&l);
}

static void garbage_ends_the_connection(void **state)
{
    static const char *const bad[] = {"x", "[1]", "{\"a\":}", "{\"a\":\"\xff\"}", "{}}", "HTTP/1.1 200 OK"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        struct lab l;

        lab_init(&l);
        lab_up(&l);
        assert_int_equal(lab_say(&l, bad[i]), AGENT_E_PROTOCOL);
        lab_deinit(&l);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_and_becomes_ready),
        cmocka_unit_test(old_agent_is_accepted_after_200_ms),
        cmocka_unit_test(loss_ends_calls_and_registers_again),
        cmocka_unit_test(pauses_grow_until_a_connection_was_a_good_one),
        cmocka_unit_test(status_is_followed),
        cmocka_unit_test(status_is_asked_again_while_upstream_is_away),
        cmocka_unit_test(modes_and_refusals),
        cmocka_unit_test(a_busy_agent_is_asked_again),
        cmocka_unit_test(a_busy_agent_is_not_asked_again_in_vain),
        cmocka_unit_test(callbacks_may_drop_the_connection),
        cmocka_unit_test(callbacks_may_drop_slots),
        cmocka_unit_test(garbage_ends_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
