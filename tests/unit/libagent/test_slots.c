/* SPDX-License-Identifier: MIT */
/* Slots, timers, posted work, and reports that wait. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "libagent/conn/due.h"
#include "libagent/events.h"
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
