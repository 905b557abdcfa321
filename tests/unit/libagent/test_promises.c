/* SPDX-License-Identifier: MIT */
/*
 * What agent.h promises, promise by promise; docs/libagent-promises.md numbers them. Against an agent that the test plays,
 * over a real socket, or by bytes on the bench.
 */
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"
#include "agent/test.h"
#include "libagent/conn/due.h"
#include "libagent/events.h"
#include "libagent/conn/slot.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What callbacks of a test have seen, and what they are to do. */
struct seen {
    agent_conn *conn;
    agent_slot *slot;
    int n_ends, n_good, n_after, status, result, n_lines, n_states;
    enum agent_state states[16];
    bool closed; /* agent_close() has returned: no callback may come */
    int do_what;
};

static void note(struct seen *s)
{
    s->n_after += s->closed;
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    (void) conn;
    (void) result;
    (void) error;
    note(s);
    s->n_ends++;
    s->n_good += status == 0;
    s->status = status;
}

static int on_nothing(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, NULL);
}

/* ---- the end of a connection ---- */

static void on_end_call_again(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    on_end(conn, status, result, error, user);
    s->result = agent_call(conn, NULL, "again", NULL, 0, on_end_call_again, user);
    if (s->result == 0)
        s->do_what++;
}

static void a_call_of_a_callback_in_the_last_unref_is_refused(void **state)
{
    struct seen s = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    for (int i = 0; i < 3; i++)
        assert_int_equal(agent_call(l.conn, NULL, "x", NULL, 0, on_end_call_again, &s), 0);
    lab_deinit(&l);
    assert_int_equal(s.n_ends, 3 + s.do_what); /* none is forgotten */
    assert_int_equal(s.result, -ESHUTDOWN);
    assert_int_equal(s.n_ends, 3);
}

static int begin(agent_conn *conn, int which)
{
    switch (which) {
    case 0:
        return agent_call(conn, NULL, "x", NULL, 0, on_end, &(struct seen){0});
    case 1:
        return agent_subscribe(conn, NULL, "y", on_nothing, NULL);
    case 2:
        return agent_open(conn, "unix:/nowhere");
    case 3:
        return agent_notify(conn, "x", NULL);
    case 4:
        return agent_bind(conn, 2, on_nothing, NULL);
    case 5:
        return agent_report_props(conn, "{}", NULL, NULL);
    default:
        return agent_send(conn, NULL, 2, "x", NULL, 0, NULL, NULL);
    }
}

static void on_end_begin(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    on_end(conn, status, result, error, user);
    for (int i = 0; i < 7; i++)
        s->result += begin(conn, i) == -ESHUTDOWN;
}

static void nothing_is_begun_while_closing(void **state)
{
    struct seen s = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_call(l.conn, NULL, "x", NULL, 0, on_end_begin, &s);
    agent_close(l.conn);
    assert_int_equal(s.n_ends, 1);
    assert_int_equal(s.result, 7);
    assert_int_equal(agent_get_state(l.conn), AGENT_CLOSED);
    assert_int_equal(agent_open(l.conn, "unix:/nowhere"), 0); /* afterwards as ever */
    lab_deinit(&l);
}

static void on_end_close(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    on_end(conn, status, result, error, user);
    agent_close(conn);
    s->closed = true;
}

static void on_state_note(agent_conn *conn, enum agent_state state, void *user)
{
    struct seen *s = user;

    (void) conn;
    note(s);
    s->states[s->n_states++ % 16] = state;
}

static void on_status_note(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    (void) status;
    note(user);
}

static void no_callback_after_close_has_returned(void **state)
{
    struct seen s = {0};
    struct lab l;

    (void) state;
    lab_init(&l);
    agent_set_on_state(l.conn, on_state_note, &s);
    agent_follow_status(l.conn, NULL, on_status_note, &s);
    lab_up(&l);
    lab_say(&l, "{\"id\":2,\"method\":\"local.status\",\"params\":\"cloud_connected\"}");
    for (int i = 0; i < 5; i++)
        agent_call(l.conn, NULL, "x", NULL, 0, on_end_close, &s);
    lab_down(&l); /* the first LOST closes: the others end before that returns */
    assert_int_equal(s.n_ends, 5);
    assert_int_equal(s.n_after, 0);
    lab_deinit(&l);
    assert_int_equal(s.n_after, 0);
}

static void on_end_unref(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    on_end(conn, status, result, error, user);
    if (!s->conn)
        return;
    agent_unref(ag_steal(&s->conn)); /* once: the others end inside */
    s->closed = true;
}

static void no_callback_after_the_last_unref_has_returned(void **state)
{
    struct seen s = {0};
    struct lab l;
    agent_conn *conn;

    (void) state;
    lab_init(&l);
    s.conn = conn = l.conn;
    lab_up(&l);
    for (int i = 0; i < 5; i++)
        agent_call(conn, NULL, "x", NULL, 0, on_end_unref, &s);
    ag_conn_enter(conn);
    ag_conn_on_down(conn, 2000);
    ag_conn_leave(conn);
    assert_int_equal(s.n_ends, 5);
    assert_int_equal(s.n_after, 0);
}

static void closed_is_told(void **state)
{
    struct seen s = {0};
    agent_conn *conn = NULL;
    agent_test *t;

    (void) state;
    agent_new(&conn);
    t = agent_test_new(conn, NULL);
    agent_open(conn, NULL);
    agent_test_run(t);
    agent_set_on_state(conn, on_state_note, &s);
    agent_close(conn);
    assert_int_equal(s.n_states, 1);
    assert_int_equal(s.states[0], AGENT_CLOSED);
    agent_close(conn);
    assert_int_equal(s.n_states, 1);
    agent_open(conn, NULL);
    agent_test_run(t);
    assert_int_equal(agent_get_state(conn), AGENT_READY);
    s.n_states = 0;
    conn = agent_unref(conn);
    assert_int_equal(s.n_states, 1); /* inside the last unref */
    agent_test_free(t);
}

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

    on_end(conn, status, result, error, user);
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

/* ---- fork ---- */

/* 0 when everything is as it should be in the child; else the line. */
#define CHILD_CHECK(what)                                                                                                        \
    do {                                                                                                                         \
        if (!(what))                                                                                                             \
            return __LINE__ % 250 + 1;                                                                                           \
    } while (0)

static int in_the_child(agent_conn *conn, agent_slot *slot, agent_request *req)
{
    CHILD_CHECK(agent_process(conn) == -ECHILD);
    CHILD_CHECK(agent_call(conn, NULL, "x", NULL, 0, on_end, NULL) == -ECHILD);
    CHILD_CHECK(agent_call_sync(conn, "x", NULL, 1, NULL) == -ECHILD);
    CHILD_CHECK(agent_notify(conn, "x", NULL) == -ECHILD);
    CHILD_CHECK(agent_report_props(conn, "{}", NULL, NULL) == -ECHILD);
    CHILD_CHECK(agent_subscribe(conn, NULL, "z", on_nothing, NULL) == -ECHILD);
    CHILD_CHECK(agent_bind(conn, 4, on_nothing, NULL) == -ECHILD);
    CHILD_CHECK(agent_open(conn, NULL) == -ECHILD);
    CHILD_CHECK(agent_run(conn) == -ECHILD);
    CHILD_CHECK(agent_wait(conn, 0) == -ECHILD);
    CHILD_CHECK(agent_get_fd(conn) == -ECHILD);
    CHILD_CHECK(agent_get_timeout_ms(conn) == -ECHILD);
    CHILD_CHECK(agent_set_log(conn, NULL, AGENT_LOG_DEBUG, NULL) == -ECHILD);
    CHILD_CHECK(agent_reply(req, NULL) == -ECHILD);
    CHILD_CHECK(agent_get_state(conn) == AGENT_CLOSED);
    agent_wake(conn);
    agent_stop(conn, 1);
    agent_close(conn);
    agent_request_unref(req);
    agent_slot_unref(slot);
    agent_unref(conn);
    return 0;
}

static int keep_request(agent_request *req, void *user)
{
    *(agent_request **) user = agent_request_ref(req);
    return 0;
}

static bool has_request(void *user)
{
    return *(agent_request **) user != NULL;
}

/* qemu's user emulation says yes to MADV_WIPEONFORK and wipes nothing; every kernel since 4.14 does. */
static bool a_fork_wipes(void)
{
    char *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t pid;

    assert_true(page != MAP_FAILED);
    *page = 1;
    if (madvise(page, 1, MADV_WIPEONFORK) == 0) {
        pid = fork();
        if (pid == 0)
            _exit(*page);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    munmap(page, 1);
    return status == 0;
}

static void a_child_leaves_its_parent_alone(void **state)
{
    struct seen s = {0};
    agent_request *req = NULL;
    agent_slot *slot = NULL;
    struct fake f;
    agent_conn *conn;
    int status;
    pid_t pid;

    (void) state;
    if (!a_fork_wipes())
        skip();
    fake_init(&f, false);
    conn = fake_connect(&f);
    agent_subscribe(conn, &slot, "k", keep_request, &req);
    fake_say(&f, "{\"id\":5,\"method\":\"k\"}");
    fake_turn_until(conn, has_request, &req);
    agent_call(conn, NULL, "x", NULL, 0, on_end, &s);
    fake_turn(conn);
    fake_hear(&f);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(in_the_child(conn, slot, req));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_false(fake_has_heard(&f)); /* not a byte, and not the end */
    assert_int_equal(agent_reply(req, "[1]"), 0);
    assert_string_equal(fake_hear(&f), "{\"id\":5,\"result\":[1]}");
    {
        char text[64];

        snprintf(text, sizeof text, "{\"id\":%u,\"result\":1}",
                 ag_list_first(&conn->calls, struct agent_slot, link)->call.wait.id);
        fake_say(&f, text); /* the parent's socket is still in the set it polls */
    }
    {
        struct pollfd p = {agent_get_fd(conn), POLLIN, 0};

        assert_int_equal(poll(&p, 1, 20000), 1);
    }
    fake_turn_until_value(conn, &s.n_ends, 1);
    assert_int_equal(s.status, 0);
    agent_request_unref(req);
    agent_slot_unref(slot);
    agent_unref(conn);
    fake_deinit(&f);
}

static void a_living_child_does_not_hold_the_connection(void **state)
{
    struct fake f;
    agent_conn *conn;
    int ends[2];
    pid_t pid;
    char c;

    (void) state;
    fake_init(&f, false);
    conn = fake_connect(&f);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &c, 1) != 0); /* lives until the parent lets go */
    }
    close(ends[0]);
    agent_close(conn);
    assert_string_equal(fake_hear(&f), "");
    close(ends[1]);
    waitpid(pid, NULL, 0);
    agent_unref(conn);
    fake_deinit(&f);
}

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
        assert_int_equal(agent_call(conn, NULL, "x", NULL, 100, on_end, &s), 0);
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
    assert_int_equal(agent_call(conn, NULL, "x", big, 0, on_end, &s), 0); /* the kind of socket is not known yet */
    agent_open(conn, f.address);
    assert_int_equal(agent_call(conn, NULL, "x", big, 0, on_end, &s), -EMSGSIZE);
    fake_turn_until_value(conn, &s.n_ends, 1);
    assert_int_equal(s.status, AGENT_E_LOST);
    agent_unref(conn);
    free(big);
    fake_deinit(&f);

    agent_new(&conn);
    agent_set_encoding(conn, AGENT_MSGPACK);
    assert_int_equal(agent_call(conn, NULL, "x", "[1e999]", 0, on_end, &s), AGENT_E_JSON); /* has no such form */
    agent_unref(conn);
}

/* ---- the log ---- */

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    struct seen *s = user;

    (void) level;
    (void) text;
    note(s);
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
        agent_subscribe(s.conn, &s.slot, "k", on_nothing, NULL);
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
        cmocka_unit_test(a_call_of_a_callback_in_the_last_unref_is_refused),
        cmocka_unit_test(nothing_is_begun_while_closing),
        cmocka_unit_test(no_callback_after_close_has_returned),
        cmocka_unit_test(no_callback_after_the_last_unref_has_returned),
        cmocka_unit_test(closed_is_told),
        cmocka_unit_test(a_waiting_call_sleeps_while_there_is_no_connection),
        cmocka_unit_test(a_signal_handler_ends_what_waits),
        cmocka_unit_test(the_last_unref_in_a_callback_ends_what_waits),
        cmocka_unit_test(what_waits_is_refused_in_every_callback),
        cmocka_unit_test(a_wake_turns_the_loop_once_more),
        cmocka_unit_test(wakes_are_never_lost),
        cmocka_unit_test(a_child_leaves_its_parent_alone),
        cmocka_unit_test(a_living_child_does_not_hold_the_connection),
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
