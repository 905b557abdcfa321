/* SPDX-License-Identifier: MIT */
/* What agent.h promises (numbered in docs/libagent-promises.md): what is registered, and what callbacks are told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "libagent/conn/due.h"
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"
#include "tests/unit/libagent/promises_rig.h"

/* ---- READY and registrations ---- */

static void a_key_that_cannot_be_sent_is_refused_at_once(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    assert_int_equal(agent_subscribe(l.conn, NULL, "a\xff", lab_on_request, &l), AGENT_E_JSON);
    assert_int_equal(agent_subscribe(l.conn, NULL, "\xc3", lab_on_request, &l), AGENT_E_JSON);
    assert_int_equal(agent_subscribe(l.conn, NULL, "\xed\xa0\x80", lab_on_request, &l), AGENT_E_JSON);
    lab_up(&l);
    assert_string_equal(lab_sent(&l), "");
    assert_int_equal(agent_subscribe(l.conn, NULL, "a\xff", lab_on_request, &l), AGENT_E_JSON);
    assert_int_equal(agent_subscribe(l.conn, NULL, "\xc3\xa4\n\"", lab_on_request, &l), 0);
    lab_deinit(&l);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    lab_note(user, "reg%d;", status);
}

static void an_agent_that_has_answered_is_waited_for(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_subscribe_mode(l.conn, NULL, "a", AGENT_EXCLUSIVE, lab_on_request, on_registered, &l);
    lab_up(&l);
    lab_say(&l, "{\"id\":1,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "reg0;");
    lab_down(&l);
    lab_up(&l);
    lab_at(&l, 9000); /* slow, this time: nothing is guessed */
    assert_string_equal(lab_seen(&l), "");
    assert_int_equal(agent_get_state(l.conn), AGENT_CONNECTED);
    lab_say(&l, "{\"id\":2,\"error\":{\"code\":-32004,\"message\":\"key has an owner\"}}");
    assert_string_equal(lab_seen(&l), "reg-17;");
    assert_int_equal(agent_get_state(l.conn), AGENT_READY);
    lab_deinit(&l);
}

static void a_standby_waits_and_takes_over(void **state)
{
    struct lab l;
    agent_slot *slot = NULL;

    (void) state;
    lab_init(&l);
    agent_subscribe_mode(l.conn, &slot, "a\xc3\xa4*", AGENT_STANDBY, lab_on_request, on_registered, &l);
    assert_int_equal(agent_slot_status(slot), -ENOTCONN);
    lab_up(&l);
    assert_int_equal(agent_slot_status(slot), -EINPROGRESS);
    lab_say(&l, "{\"method\":\"agent.owner\",\"params\":{\"key\":\"a\\u00e4*\"}}"); /* not yet */
    lab_say(&l, "{\"id\":1,\"result\":[ \"waiting\" ]}");
    assert_string_equal(lab_seen(&l), "reg1;");
    assert_int_equal(agent_slot_status(slot), AGENT_WAITING);
    assert_int_equal(agent_get_state(l.conn), AGENT_READY);
    lab_say(&l, "{\"method\":\"agent.owner\",\"params\":{\"key\":\"other\"}}{\"method\":\"agent.owner\",\"params\":[]}"
                "{\"_from\":2,\"method\":\"agent.owner\",\"params\":{\"key\":\"a\\u00e4*\"}}");
    assert_string_equal(lab_seen(&l), "");
    lab_say(&l, "{\"method\":\"agent.owner\",\"params\":{\"key\":\"a\\u00e4*\"}}");
    assert_string_equal(lab_seen(&l), "reg0;");
    lab_say(&l, "{\"method\":\"agent.owner\",\"params\":{\"key\":\"a\\u00e4*\"}}"); /* known */
    assert_string_equal(lab_seen(&l), "");
    assert_int_equal(agent_slot_status(slot), 0);
    agent_slot_unref(slot);
    lab_deinit(&l);
}

static void a_null_error_is_none(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_subscribe_mode(l.conn, NULL, "a", AGENT_SHARED, lab_on_request, on_registered, &l);
    lab_up(&l);
    lab_say(&l, "{\"id\":1,\"error\":null,\"result\":[\"ok\"]}");
    assert_string_equal(lab_seen(&l), "reg0;");
    lab_deinit(&l);
}

static void registrations_keep_to_the_queue_limit(void **state)
{
    struct lab l;
    char key[32];
    int told = 0;

    (void) state;
    lab_init(&l);
    agent_set_queue_limit(l.conn, 1000);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(agent_subscribe(l.conn, NULL, key, lab_on_request, &l), 0);
    }
    lab_up(&l);
    while (ag_buf_size(&l.conn->out) > 0) {
        const char *sent;

        assert_true(ag_buf_size(&l.conn->out) <= 1000);
        for (sent = lab_sent(&l); (sent = strstr(sent, "\"register\"")); sent++)
            told++;
        ag_due_kick(l.conn); /* what has no room yet goes on when there is some */
        ag_conn_send_due(l.conn);
    }
    assert_int_equal(told, 100);
    assert_int_equal(agent_get_state(l.conn), AGENT_CONNECTED); /* not READY: none has been answered */
    lab_deinit(&l);
}

/* ---- calls ---- */

static uint64_t fixed_ms;

static uint64_t fixed_clock(void *user)
{
    (void) user;
    return fixed_ms;
}

/* More than one read of answers lies in the socket when their time is up. */
static void answers_in_the_socket_are_no_timeouts(bool packets)
{
    enum { N = 300 };
    static struct seen s;
    struct fake f;
    agent_conn *conn;
    uint32_t first;
    char text[1200], fill[1001];

    memset(&s, 0, sizeof s);
    memset(fill, 'x', sizeof fill);
    fill[1000] = '\0';
    fake_init(&f, packets);
    conn = fake_connect(&f);
    fixed_ms = ag_transport_now_ms(NULL);
    conn->now_ms = fixed_clock;
    first = conn->waits.next_id;
    for (int i = 0; i < N; i++)
        assert_int_equal(agent_call(conn, NULL, "x", NULL, 100, seen_on_end, &s), 0);
    fake_hear(&f);
    for (uint32_t i = 0; i < N; i++) { /* as many as the socket takes */
        snprintf(text, sizeof text, "{\"id\":%u,\"result\":\"%s\"}", first + i, fill);
        if (send(f.peer, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t) strlen(text))
            break;
        s.result++;
    }
    assert_true(s.result > 70);
    fixed_ms += 1000; /* a callback was slow */
    while (s.n_ends < N)
        agent_process(conn);
    assert_int_equal(s.n_good, s.result);
    agent_unref(conn);
    fake_deinit(&f);
}

static void an_answer_that_has_come_is_told(void **state)
{
    (void) state;
    answers_in_the_socket_are_no_timeouts(false);
    answers_in_the_socket_are_no_timeouts(true);
}

static void statuses_of_calls_are_the_documented_ones(void **state)
{
    char *big = malloc(100 * 1024 + 3);
    struct seen s = {0};
    struct fake f;
    agent_conn *conn = NULL;

    (void) state;
    assert_non_null(big);
    memset(big, 'x', 100 * 1024 + 2);
    big[0] = big[100 * 1024 + 1] = '"';
    big[100 * 1024 + 2] = '\0';
    fake_init(&f, true);
    agent_new(&conn);
    assert_int_equal(agent_call(conn, NULL, "x", big, 0, seen_on_end, &s), 0); /* the kind of socket is not known yet */
    agent_open(conn, f.address);
    assert_int_equal(agent_call(conn, NULL, "x", big, 0, seen_on_end, &s), -EMSGSIZE);
    fake_turn_until_value(conn, &s.n_ends, 1);
    assert_int_equal(s.status, AGENT_E_LOST);
    agent_unref(conn);
    free(big);
    fake_deinit(&f);

    agent_new(&conn);
    agent_set_encoding(conn, AGENT_MSGPACK);
    assert_int_equal(agent_call(conn, NULL, "x", "[1e999]", 0, seen_on_end, &s), AGENT_E_JSON); /* has no such form */
    agent_unref(conn);
}

/* ---- the log ---- */

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    struct seen *s = user;

    (void) level;
    (void) text;
    seen_note(s);
    s->n_lines++;
    switch (s->do_what) {
    case 1:
        s->slot = agent_slot_unref(s->slot);
        break;
    case 2:
        agent_close(s->conn);
        s->closed = true;
        break;
    case 3:
        agent_notify(s->conn, "log", "[1]");
        break;
    default:
        break;
    }
}

static void a_log_callback_may_do_what_others_may(void **state)
{
    (void) state;
    for (int what = 1; what <= 3; what++) {
        struct seen s = {.do_what = what};
        char text[160];
        struct fake f;

        fake_init(&f, false);
        s.conn = fake_connect(&f);
        agent_subscribe(s.conn, &s.slot, "k", seen_on_nothing, NULL);
        agent_set_log(s.conn, on_log, AGENT_LOG_DEBUG, &s);
        snprintf(text, sizeof text, "{\"id\":%u,\"error\":{\"code\":-32001,\"message\":\"no\"}}{\"error\":{\"code\":-1}}",
                 s.conn->waits.next_id - 1);
        fake_say(&f, text);
        fake_turn_until_value(s.conn, &s.n_lines, 1);
        if (what == 3) {
            fake_hang_up(&f);
            agent_notify(s.conn, "x", NULL); /* cannot be sent, which makes a line */
            for (int i = 0; i < 100; i++)
                agent_process(s.conn);
            assert_true(s.n_lines < 50);
        }
        if (what == 2)
            assert_int_equal(agent_get_state(s.conn), AGENT_CLOSED);
        assert_int_equal(s.n_after, 0);
        agent_slot_unref(s.slot);
        s.slot = NULL;
        s.closed = false;
        s.do_what = 0;
        agent_unref(s.conn);
        fake_deinit(&f);
    }
}

static void on_log_words(enum agent_log_level level, const char *text, void *user)
{
    int *n = user;

    if (strstr(text, "no agent reached"))
        n[level]++;
}

static void no_agent_is_said_once(void **state)
{
    int n[4] = {0};
    agent_conn *conn = NULL;

    (void) state;
    agent_new(&conn);
    agent_set_log(conn, on_log_words, AGENT_LOG_DEBUG, n);
    agent_set_reconnect(conn, 1, 1);
    agent_open(conn, "unix:/nowhere/at/all");
    fake_turn_until_value(conn, &n[AGENT_LOG_DEBUG], 5);
    assert_int_equal(n[AGENT_LOG_WARNING], 1);
    agent_unref(conn);
}

/* ---- status ---- */

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    lab_note(user, "%s;", status);
}

static void followers_hear_of_a_loss(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_follow_status(l.conn, NULL, on_status, &l);
    lab_up(&l);
    lab_down(&l);
    assert_string_equal(lab_seen(&l), ""); /* nothing was known, nothing is lost */
    lab_up(&l);
    lab_say(&l, "{\"id\":4,\"method\":\"local.status\",\"params\":\"cloud_connected\"}");
    lab_down(&l);
    assert_string_equal(lab_seen(&l), "cloud_connected;" AGENT_STATUS_UNKNOWN ";");
    lab_up(&l);
    lab_sent(&l);
    lab_say(&l, "{\"id\":6,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}"); /* the client is not there */
    assert_string_equal(lab_seen(&l), "");
    lab_at(&l, 7000);
    assert_string_equal(lab_sent(&l), "{\"id\":7,\"method\":\"local.query_status\",\"params\":\"\"}");
    lab_say(&l, "{\"id\":7,\"method\":\"local.status\",\"params\":\"cloud_retry\"}");
    assert_string_equal(lab_seen(&l), "cloud_retry;");
    lab_deinit(&l);
}

/* The agent says it to who comes, the library asks as well, and a second follower asks once more. */
static void the_same_word_is_no_change(void **state)
{
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_follow_status(l.conn, NULL, on_status, &l);
    lab_up(&l);
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"a\"}");
    lab_say(&l, "{\"id\":2,\"method\":\"local.status\",\"params\":\"a\"}");
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"a\"}");
    assert_string_equal(lab_seen(&l), "a;");
    agent_follow_status(l.conn, NULL, on_status, &l);
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"a\"}"); /* new to the second one only */
    assert_string_equal(lab_seen(&l), "a;");
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"b\"}");
    assert_string_equal(lab_seen(&l), "b;b;");
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"a\"}");
    assert_string_equal(lab_seen(&l), "a;a;");
    lab_down(&l);
    lab_up(&l);
    lab_say(&l, "{\"method\":\"local.status\",\"params\":\"a\"}");
    assert_string_equal(lab_seen(&l), AGENT_STATUS_UNKNOWN ";" AGENT_STATUS_UNKNOWN ";a;a;");
    lab_deinit(&l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_cannot_be_sent_is_refused_at_once),
        cmocka_unit_test(an_agent_that_has_answered_is_waited_for),
        cmocka_unit_test(a_standby_waits_and_takes_over),
        cmocka_unit_test(a_null_error_is_none),
        cmocka_unit_test(registrations_keep_to_the_queue_limit),
        cmocka_unit_test(an_answer_that_has_come_is_told),
        cmocka_unit_test(statuses_of_calls_are_the_documented_ones),
        cmocka_unit_test(a_log_callback_may_do_what_others_may),
        cmocka_unit_test(no_agent_is_said_once),
        cmocka_unit_test(followers_hear_of_a_loss),
        cmocka_unit_test(the_same_word_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
