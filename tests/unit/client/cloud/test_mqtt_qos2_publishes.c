/* SPDX-License-Identifier: MIT */
/* Own publishes over connections that are cut, and over sessions that are lost. */
#include "tests/unit/client/cloud/qos2_rig.h"

#include <poll.h>

/* Nothing of the device's own is lost or told twice when the session is not kept, and commands wait for it. */
static void own_publishes_survive_a_session_that_is_not_kept(struct fixture *f, bool clean)
{
    struct packet p;

    open_link(f, clean);
    half(f, &f->a, 1, "old");
    for (uint64_t i = 1; i <= 3; i++)
        publish(f, "r", 1, i);
    for (int i = 0; i < 3; i++)
        expect(f, &f->a, PUBLISH | QOS1);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, false);
    for (int i = 0; i < 3; i++) {
        p = expect(f, &f->a, PUBLISH | QOS1 | DUP);
        assert_int_equal(f->n_connected, 1);
        put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    }
    expect(f, &f->a, DISCONNECT);
    login(f, &f->a, !clean);
    wait_for(f, &f->n_connected, 2);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(f->times[i], 1);
        assert_int_equal(f->result[i], 0);
    }
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    publish(f, "r", 1, 4);
    p = expect(f, &f->a, PUBLISH | QOS1);
    put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    wait_for(f, &f->times[4], 1);
    expect_messages(f, "new,");
    assert_int_equal(f->n_lost, 1);
}

static void own_publishes_survive_a_clean_session(void **state)
{
    own_publishes_survive_a_session_that_is_not_kept(*state, true);
}

static void own_publishes_survive_a_broker_that_has_lost_the_session(void **state)
{
    own_publishes_survive_a_session_that_is_not_kept(*state, false);
}

/*
 * The broker keeps the session in which the link only settles, and a cut can come in it: it is another one than the last
 * handle's.
 */
static void a_lost_session_stays_lost_when_the_next_one_is_cut(void **state)
{
    struct fixture *f = *state;
    struct packet p;

    open_link(f, false);
    half(f, &f->a, 1, "old");
    publish(f, "r", 1, 1);
    expect(f, &f->a, PUBLISH | QOS1);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, false);
    expect(f, &f->a, PUBLISH | QOS1 | DUP);
    cut_and_come_again(f, &f->a);
    login(f, &f->a, true);
    p = expect(f, &f->a, PUBLISH | QOS1 | DUP);
    put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    expect(f, &f->a, DISCONNECT);
    assert_int_equal(f->n_connected, 1);
    login(f, &f->a, true);
    wait_for(f, &f->n_connected, 2);
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    expect_messages(f, "new,");
    assert_int_equal(f->times[1], 1);
}

/* A publish of QoS 0 that the connection's end has taken: nothing more is waited for in the next one. */
static void what_was_never_written_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    open_link(f, false);
    half(f, &f->a, 1, "old");
    broker_cut(&f->a);
    publish(f, "r", 0, 1);
    wait_for(f, &f->n_lost, 1);
    assert_int_equal(f->times[1], 1);
    assert_int_equal(f->result[1], MQTT_LINK_DONE_LOST);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    login(f, &f->a, false);
    expect(f, &f->a, DISCONNECT);
    login(f, &f->a, true);
    wait_for(f, &f->n_connected, 2);
    subscribe(f, &f->a);
    whole(f, &f->a, 0, 1, "new");
    expect_messages(f, "new,");
}

/* Also when nothing else happens: no round of the link's own is due for the whole keep-alive. */
static void a_server_that_acknowledges_nothing_is_left_in_time(void **state)
{
    struct fixture *f = *state;
    struct mqtt_link_config c = {.host = "127.0.0.1", .port = f->a.port, .client_id = "dev", .keepalive_s = 300};
    const struct mqtt_link_limits limits = {.ack_ms = 300};
    struct packet p;

    open_limited(f, &c, &limits);
    publish(f, "r", 1, 1);
    expect(f, &f->a, PUBLISH | QOS1);
    wait_for(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_CUT);
    assert_int_equal(mqtt_link_connect(f->link), 0);
    login(f, &f->a, true);
    p = expect(f, &f->a, PUBLISH | QOS1 | DUP);
    put_small(&f->a, PUBACK, (unsigned) p.body[3] << 8 | p.body[4]);
    wait_for(f, &f->times[1], 1);
    assert_int_equal(f->result[1], 0);
}

/* A broker that is killed with something unread resets the connection, behind what it had sent before. */
static void a_reset_behind_unread_packets_is_seen(void **state)
{
    struct fixture *f = *state;
    struct pollfd unread;

    open_link(f, false);
    for (int i = 0; i < 50; i++) /* until the loop drives the session */
        turn(f, -1);
    publish(f, "r", 0, 1);
    unread = (struct pollfd){.fd = f->a.fd, .events = POLLIN};
    while (poll(&unread, 1, 0) == 0)
        turn(f, -1);
    for (int i = 0; i < 3; i++)
        put(&f->a, (uint8_t[]){PINGRESP, 0}, 2); /* nothing that is answered: that would fail, and tell */
    broker_cut(&f->a);
    wait_for(f, &f->n_lost, 1);
    assert_int_equal(f->loss, MQTT_LINK_CUT);
}

static void a_link_can_be_left_and_closed_while_its_publishes_are_repeated(void **state)
{
    struct fixture *f = *state;

    for (int close_it = 0; close_it < 2; close_it++) {
        if (!close_it)
            open_link(f, true);
        publish(f, "r", 1, 1);
        expect(f, &f->a, PUBLISH | QOS1);
        cut_and_come_again(f, &f->a);
        login(f, &f->a, false);
        expect(f, &f->a, PUBLISH | QOS1 | DUP);
        if (close_it) {
            mqtt_link_close(f->link);
            wait_for(f, &f->n_closed, 1);
            return;
        }
        assert_int_equal(mqtt_link_disconnect(f->link), 0);
        wait_for(f, &f->n_lost, 2);
        assert_int_equal(f->n_connected, 1);
        assert_int_equal(mqtt_link_connect(f->link), 0);
        login(f, &f->a, false);
        put_small(&f->a, PUBACK, 2);
        expect(f, &f->a, PUBLISH | QOS1 | DUP);
        expect(f, &f->a, DISCONNECT);
        login(f, &f->a, false);
        wait_for(f, &f->n_connected, 2);
        subscribe(f, &f->a);
    }
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, qos2_setup, qos2_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(own_publishes_survive_a_clean_session),
        ROW(own_publishes_survive_a_broker_that_has_lost_the_session),
        ROW(a_lost_session_stays_lost_when_the_next_one_is_cut),
        ROW(what_was_never_written_is_not_waited_for),
        ROW(a_server_that_acknowledges_nothing_is_left_in_time),
        ROW(a_reset_behind_unread_packets_is_seen),
        ROW(a_link_can_be_left_and_closed_while_its_publishes_are_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
