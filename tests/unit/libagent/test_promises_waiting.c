/* SPDX-License-Identifier: MIT */
/* What agent.h promises (numbered in docs/libagent-promises.md): what waits, and what wakes it. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"
#include "tests/unit/libagent/promises_rig.h"

/* ---- what waits ---- */

static int n_looks;

static uint64_t counting_clock(void *user)
{
    (void) user;
    n_looks++;
    return ag_transport_now_ms(NULL);
}

static void a_waiting_call_sleeps_while_there_is_no_connection(void **state)
{
    agent_conn *conn = NULL;
    int64_t t;

    (void) state;
    agent_new(&conn);
    conn->now_ms = counting_clock;
    agent_open(conn, "unix:/nowhere/at/all");
    n_looks = 0;
    assert_int_equal(agent_call_sync(conn, "x", NULL, 400, NULL), AGENT_E_TIMEOUT);
    assert_in_range(n_looks, 1, 200); /* some tries to connect; not millions of turns */
    agent_stop(conn, 0);
    assert_int_equal(agent_query_time(conn, &t), AGENT_E_CANCELED);
    conn = agent_unref(conn);
}

static agent_conn *to_stop;

static void on_alarm(int signum)
{
    (void) signum;
    agent_stop(to_stop, 3);
}

static void a_signal_handler_ends_what_waits(void **state)
{
    struct sigaction action = {.sa_handler = on_alarm};
    agent_conn *conn = NULL;

    (void) state;
    agent_new(&conn);
    agent_open(conn, "unix:/nowhere/at/all");
    to_stop = conn;
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    assert_int_equal(agent_call_sync(conn, "x", NULL, 30000, NULL), AGENT_E_CANCELED);
    assert_int_equal(agent_run(conn), 3); /* the stop is still there */
    conn = agent_unref(conn);
}

static int on_request_unref(agent_request *req, void *user)
{
    struct seen *s = user;

    agent_reply(req, NULL);
    s->conn = agent_unref(s->conn);
    return 0;
}

static void the_last_unref_in_a_callback_ends_what_waits(void **state)
{
    struct seen s = {0};
    struct fake f;

    (void) state;
    fake_init(&f, false);
    s.conn = fake_connect(&f);
    agent_subscribe(s.conn, NULL, "drop", on_request_unref, &s);
    fake_say(&f, "{\"id\":1,\"method\":\"drop\"}");
    assert_int_equal(agent_call_sync(s.conn, "x", NULL, 30000, NULL), AGENT_E_CANCELED);
    assert_null(s.conn);

    s.conn = fake_connect(&f);
    agent_subscribe(s.conn, NULL, "drop", on_request_unref, &s);
    fake_say(&f, "{\"id\":1,\"method\":\"drop\"}");
    assert_int_equal(agent_run(s.conn), AGENT_E_CANCELED);
    assert_null(s.conn);
    fake_deinit(&f);
}

static void on_end_wait(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;
    char buf[8];
    int64_t t;

    seen_on_end(conn, status, result, error, user);
    s->result += agent_run(conn) == -EDEADLK;
    s->result += agent_call_sync(conn, "x", NULL, 10, NULL) == -EDEADLK;
    s->result += agent_query_time(conn, &t) == -EDEADLK;
    s->result += agent_query_status(conn, buf, sizeof buf) == -EDEADLK;
    s->result += agent_query_country(conn, buf, sizeof buf) == -EDEADLK;
    s->result += agent_process(conn) == 0;
}

static void what_waits_is_refused_in_every_callback(void **state)
{
    struct seen s = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_call(l.conn, NULL, "x", NULL, 0, on_end_wait, &s);
    agent_stop(l.conn, 0); /* lest a run that is not refused lasts for ever */
    agent_close(l.conn);
    assert_int_equal(s.result, 6);
    lab_deinit(&l);
}

/* ---- waking ---- */

static void a_wake_turns_the_loop_once_more(void **state)
{
    agent_conn *conn = NULL;
    struct pollfd p;

    (void) state;
    agent_new(&conn);
    p = (struct pollfd){agent_get_fd(conn), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(agent_get_timeout_ms(conn), -1);
    agent_wake(conn);
    assert_int_equal(poll(&p, 1, 0), 1);
    while (agent_process(conn) > 0)
        ;
    /* the loop may have looked for work before this agent_process(), so it has to look again */
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(agent_get_timeout_ms(conn), 0);
    assert_int_equal(agent_get_timeout_ms(conn), 0);
    while (agent_process(conn) > 0)
        ;
    assert_int_equal(agent_get_timeout_ms(conn), -1);
    conn = agent_unref(conn);
}

struct waker {
    agent_conn *conn;
    atomic_uint done, seen;
};

enum { N_WAKES = 20000 };

static void *wake_often(void *user)
{
    struct waker *w = user;

    for (unsigned i = 1; i <= N_WAKES; i++) {
        atomic_store(&w->done, i);
        agent_wake(w->conn);
        while (atomic_load(&w->seen) < i && i % 16 == 0)
            ; /* often one at a time, so that a lost one is the last and shows */
    }
    return NULL;
}

/* order 0: look, process, sleep; 1: process, look, sleep; 2: the library's own waiting */
static void run_wakes(int order)
{
    struct waker w = {0};
    pthread_t thread;

    assert_int_equal(agent_new(&w.conn), 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_often, &w), 0);
    while (atomic_load(&w.seen) < N_WAKES) {
        struct pollfd p = {agent_get_fd(w.conn), (short) agent_get_events(w.conn), 0};
        int timeout;

        if (order == 0)
            atomic_store(&w.seen, atomic_load(&w.done));
        while (agent_process(w.conn) > 0)
            ;
        if (order == 1)
            atomic_store(&w.seen, atomic_load(&w.done));
        if (order == 2) {
            atomic_store(&w.seen, atomic_load(&w.done));
            if (atomic_load(&w.seen) < N_WAKES)
                assert_int_equal(agent_wait(w.conn, 20000), 1);
            continue;
        }
        timeout = agent_get_timeout_ms(w.conn);
        if (atomic_load(&w.seen) < N_WAKES && timeout != 0)
            assert_int_equal(poll(&p, 1, 20000), 1); /* 0: a wake-up was lost */
    }
    pthread_join(thread, NULL);
    w.conn = agent_unref(w.conn);
}

static void wakes_are_never_lost(void **state)
{
    (void) state;
    for (int order = 0; order < 3; order++)
        run_wakes(order);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_call_sleeps_while_there_is_no_connection),
        cmocka_unit_test(a_signal_handler_ends_what_waits),
        cmocka_unit_test(the_last_unref_in_a_callback_ends_what_waits),
        cmocka_unit_test(what_waits_is_refused_in_every_callback),
        cmocka_unit_test(a_wake_turns_the_loop_once_more),
        cmocka_unit_test(wakes_are_never_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
