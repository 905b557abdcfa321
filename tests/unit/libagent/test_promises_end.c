/* SPDX-License-Identifier: MIT */
/* What agent.h promises (numbered in docs/libagent-promises.md): how a connection ends, and that of a forked child. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/test.h"
#include "libagent/conn/slot.h"
#include "libagent/events.h"
#include "tests/unit/libagent/fake.h"
#include "tests/unit/libagent/lab.h"
#include "tests/unit/libagent/promises_rig.h"

/* ---- the end of a connection ---- */

static void on_end_call_again(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    seen_on_end(conn, status, result, error, user);
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
        return agent_call(conn, NULL, "x", NULL, 0, seen_on_end, &(struct seen){0});
    case 1:
        return agent_subscribe(conn, NULL, "y", seen_on_nothing, NULL);
    case 2:
        return agent_open(conn, "unix:/nowhere");
    case 3:
        return agent_notify(conn, "x", NULL);
    case 4:
        return agent_bind(conn, 2, seen_on_nothing, NULL);
    case 5:
        return agent_report_props(conn, "{}", NULL, NULL);
    default:
        return agent_send(conn, NULL, 2, "x", NULL, 0, NULL, NULL);
    }
}

static void on_end_begin(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    seen_on_end(conn, status, result, error, user);
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

    seen_on_end(conn, status, result, error, user);
    agent_close(conn);
    s->closed = true;
}

static void on_state_note(agent_conn *conn, enum agent_state state, void *user)
{
    struct seen *s = user;

    (void) conn;
    seen_note(s);
    s->states[s->n_states++ % 16] = state;
}

static void on_status_note(agent_conn *conn, const char *status, void *user)
{
    (void) conn;
    (void) status;
    seen_note(user);
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

    seen_on_end(conn, status, result, error, user);
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
    CHILD_CHECK(agent_call(conn, NULL, "x", NULL, 0, seen_on_end, NULL) == -ECHILD);
    CHILD_CHECK(agent_call_sync(conn, "x", NULL, 1, NULL) == -ECHILD);
    CHILD_CHECK(agent_notify(conn, "x", NULL) == -ECHILD);
    CHILD_CHECK(agent_report_props(conn, "{}", NULL, NULL) == -ECHILD);
    CHILD_CHECK(agent_subscribe(conn, NULL, "z", seen_on_nothing, NULL) == -ECHILD);
    CHILD_CHECK(agent_bind(conn, 4, seen_on_nothing, NULL) == -ECHILD);
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
    agent_call(conn, NULL, "x", NULL, 0, seen_on_end, &s);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_of_a_callback_in_the_last_unref_is_refused),
        cmocka_unit_test(nothing_is_begun_while_closing),
        cmocka_unit_test(no_callback_after_close_has_returned),
        cmocka_unit_test(no_callback_after_the_last_unref_has_returned),
        cmocka_unit_test(closed_is_told),
        cmocka_unit_test(a_child_leaves_its_parent_alone),
        cmocka_unit_test(a_living_child_does_not_hold_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
