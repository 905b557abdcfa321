/* SPDX-License-Identifier: MIT */
/* Commands of QoS 2 over connections that are cut between their two halves. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "tests/unit/client/cloud/qos2_rig.h"

static void forgotten_halves(struct fixture *f, bool clean)
{
    open_link(f, clean);
    half(f, &f->a, 1, "old");
    half(f, &f->a, 2, "old2");
    cut_and_come_again(f, &f->a);
    login_afresh(f, &f->a);
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    whole(f, &f->a, 0, 2, "new2");
    whole(f, &f->a, 0, 1, "newer");
    expect_messages(f, "new,new2,newer,");
}

static void a_clean_session_begins_without_the_last_ones_halves(void **state)
{
    forgotten_halves(*state, true);
}

static void a_broker_that_has_lost_the_session_begins_without_its_halves(void **state)
{
    forgotten_halves(*state, false);
}

static void a_kept_half_is_ended_by_its_release(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "old");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "new");
    expect_messages(f, "old,new,");
    assert_int_equal(f->n_connected, 2);
}

static void a_kept_half_that_comes_again_is_one_command(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    for (unsigned id = 1; id <= 3; id++)
        half(f, &f->a, id, "old");
    for (int i = 0; i < 2; i++) { /* cut twice, and sent three times */
        cut_and_come_again(f, &f->a);
        login(f, &f->a, true);
        for (unsigned id = 1; id <= 3; id++) {
            put_publish(&f->a, QOS2 | DUP, id, "old");
            expect_id(f, &f->a, PUBREC, id);
        }
    }
    for (unsigned id = 1; id <= 3; id++) {
        put_small(&f->a, PUBREL, id);
        expect_id(f, &f->a, PUBCOMP, id);
    }
    f->again = true;
    whole_over_cuts(f, &f->a, 1, "new1");
    whole(f, &f->a, 0, 4, "new4");
    whole_over_cuts(f, &f->a, 2, "new2");
    whole(f, &f->a, 0, 1, "new5");
    whole_over_cuts(f, &f->a, 3, "new3");
    expect_messages(f, "old,old,old,new1,new4,new2,new5,new3,");
    assert_int_equal(f->n_connected, 3 + 6); /* libmosquitto has each of the three two times too many */
}

/*
 * What came again has the same bytes as the next command under its id: the broker says which it was, when it is asked to
 * repeat.
 */
static void alike_commands_are_told_apart(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "on");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    whole(f, &f->a, DUP, 1, "on");
    f->again = true;
    put_publish(&f->a, QOS2, 1, "on");
    expect_id(f, &f->a, PUBREC, 1);
    put_small(&f->a, PUBREL, 1);
    assert_int_equal(next_packet(f, &f->a).first, 0); /* no PUBCOMP */
    login(f, &f->a, true);
    assert_int_equal(f->loss, MQTT_LINK_ASKED); /* no reason for a pause, or for another server */
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "on");
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "on,on,on,on,");
    assert_int_equal(f->n_connected, 3);
}

/* So that the link reads all of it in one round. */
static void cork(const struct played_broker *b, int on)
{
    assert_int_equal(setsockopt(b->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on), 0);
}

/* Otherwise the broker would publish it again, and there would be another copy for each cut. */
static void what_came_before_the_cut_is_acknowledged(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "on");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    whole(f, &f->a, DUP, 1, "on");
    f->again = true;
    half(f, &f->a, 1, "on");
    half(f, &f->a, 2, "b");
    cork(&f->a, 1);
    put_publish(&f->a, QOS2, 3, "c");
    put_small(&f->a, PUBREL, 1);
    cork(&f->a, 0);
    expect_id(f, &f->a, PUBREC, 3);
    assert_int_equal(next_packet(f, &f->a).first, 0); /* no PUBCOMP */
    login(f, &f->a, true);
    for (unsigned id = 1; id <= 3; id++) {
        put_small(&f->a, PUBREL, id);
        expect_id(f, &f->a, PUBCOMP, id);
    }
    expect_messages(f, "on,on,b,c,");
    assert_int_equal(f->n_connected, 3);
}

/* The same where the first half had been lost on its way, and nothing was there twice. */
static void alike_commands_are_told_apart_when_nothing_came_twice(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    whole(f, &f->a, 0, 1, "a");
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    whole(f, &f->a, DUP, 1, "on");
    f->again = true;
    put_publish(&f->a, QOS2, 1, "on");
    expect_id(f, &f->a, PUBREC, 1);
    put_small(&f->a, PUBREL, 1);
    assert_int_equal(next_packet(f, &f->a).first, 0);
    login(f, &f->a, true);
    put_small(&f->a, PUBREL, 1);
    expect_id(f, &f->a, PUBCOMP, 1);
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "a,on,on,on,");
}

static void a_release_that_comes_again_delivers_nothing(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "on");
    for (int i = 0; i < 3; i++) {
        cut_and_come_again(f, &f->a);
        login(f, &f->a, true);
        if (i == 0) {
            put_publish(&f->a, QOS2 | DUP, 1, "on");
            expect_id(f, &f->a, PUBREC, 1);
        }
        put_small(&f->a, PUBREL, 1);
        expect_id(f, &f->a, PUBCOMP, 1);
    }
    whole(f, &f->a, 0, 1, "on");
    expect_messages(f, "on,on,");
    assert_int_equal(f->n_connected, 4); /* the copy went with the second PUBREL */
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, qos2_setup, qos2_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_clean_session_begins_without_the_last_ones_halves),
        ROW(a_broker_that_has_lost_the_session_begins_without_its_halves),
        ROW(a_kept_half_is_ended_by_its_release),
        ROW(a_kept_half_that_comes_again_is_one_command),
        ROW(alike_commands_are_told_apart),
        ROW(what_came_before_the_cut_is_acknowledged),
        ROW(alike_commands_are_told_apart_when_nothing_came_twice),
        ROW(a_release_that_comes_again_delivers_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
