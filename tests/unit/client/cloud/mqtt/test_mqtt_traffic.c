/* SPDX-License-Identifier: MIT */
/* The mqtt cloud by itself: commands under any load, reports. */
#include "client/cloud/core/answer_box.h"
#include "tests/unit/client/cloud/mqtt/mqtt_rig.h"

static void a_command_is_answered_once(void **state)
{
    (void) state;
    open_up(SERVER);
    rig_message(COMMAND, "{\"id\":\"x\",\"method\":\"m\"}", false);
    rig_expect("command 1 {\"id\":\"x\",\"method\":\"m\"}\n");
    assert_int_equal(rig_answer(1, "{\"id\":9,\"result\":[\"ok\"]}"), 0);
    rig_expect("pub miio/7/command_ack 1 {\"id\":\"x\",\"result\":[\"ok\"]}\n");
    assert_int_equal(rig_answer(1, "{\"id\":9,\"result\":[\"ok\"]}"), -ENOENT); /* a second time */
    rig_done_all(-1);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_bring_up(-1); /* and not again at the next login */
    assert_int_equal(rig_counter("cloud.answers.waiting"), 0);
    rig_message(COMMAND, "{\"id\":2,\"method\":\"m\"}", false);
    assert_int_equal(rig_answer(2, "{\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}"), 0); /* without an id */
    rig_expect("command 2 {\"id\":2,\"method\":\"m\"}\n"
               "pub miio/7/command_ack 1 {\"id\":2,\"error\":{\"code\":-32000,\"message\":\"out of memory\"}}\n");
    rig_message(COMMAND, "{\"method\":\"m\"}", false);
    rig_expect("told {\"method\":\"m\"}\n");
    rig_close();
}

static void bad_commands_are_refused(void **state)
{
    static char long_id[400];
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"id\":1}",
                                      "{\"id\":1,\"method\":2}",
                                      "{\"id\":1,\"id\":2,\"method\":\"m\"}",
                                      "{\"id\":1,\"method\":\"m\",\"method\":\"miIO.reboot\"}",
                                      long_id};

    (void) state;
    snprintf(long_id, sizeof long_id, "{\"id\":\"%0*d\",\"method\":\"m\"}", CLOUD_ID_MAX - 1, 0);
    open_up(SERVER);
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        rig_message(COMMAND, bad[i], false);
        assert_non_null(strstr(rig_take(), "pub miio/7/command_ack 1 {\"id\":"));
        assert_int_equal(rig.n_commands, 0);
        assert_int_equal(rig_counter("cloud.refused.commands"), i + 1);
    }
    snprintf(long_id, sizeof long_id, "{\"id\":\"%0*d\",\"method\":\"m\"}", CLOUD_ID_MAX - 2, 0);
    rig_message(COMMAND, long_id, false);
    assert_int_equal(rig.n_commands, 1);
    rig_message(COMMAND, "{\"id\":1,\"method\":\"m\"}", true); /* retained: not a word */
    assert_int_equal(rig.n_commands, 1);
    rig_close();
}

/* 3000 at a link that takes ten at a time: each is executed and answered, or refused before. */
static void told_is_answered_plus_refused(void **state)
{
    const unsigned n = 3000;
    uint64_t refused;

    (void) state;
    for (int echo = 0; echo < 2; echo++) {
        open_up(SERVER);
        rig.quiet = true;
        rig.room = 10;
        rig.n_pub = 0;
        rig.echo = echo;
        for (unsigned i = 0; i < n; i++)
            rig_message(COMMAND, "{\"id\":1,\"method\":\"m\"}", false);
        refused = rig_counter("cloud.refused.commands");
        assert_int_equal(rig.n_commands + refused, n);
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        for (uint64_t token = 1; token <= rig.n_commands && !echo; token++)
            assert_int_equal(rig_answer(token, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
        while (rig_counter("cloud.answers.waiting") > 0)
            rig_done(1);
        print_message("told %u = answered %u + refused %u\n", n, rig.n_commands, (unsigned) refused);
        assert_int_equal(rig.n_pub, n);
        assert_int_equal(rig_counter("cloud.dropped.answers"), 0);
        rig_close();
    }
}

static void what_finds_no_place_is_counted(void **state)
{
    (void) state;
    open_up(SERVER);
    rig.quiet = true;
    rig.room = 0;
    for (unsigned i = 0; i < ANSWER_BOX_MAX + 100; i++)
        rig_message(COMMAND, "{\"id\":1,\"method\":\"m\"}", false);
    assert_int_equal(rig.n_commands, ANSWER_BOX_OPEN_MAX);
    assert_int_equal(rig_counter("cloud.dropped.answers"), 100);
    assert_int_equal(rig_counter("cloud.refused.commands"), ANSWER_BOX_MAX + 100 - ANSWER_BOX_OPEN_MAX);
    for (uint64_t token = 1; token <= ANSWER_BOX_OPEN_MAX; token++) /* those have their places */
        assert_int_equal(rig_answer(token, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
    assert_int_equal(rig_counter("cloud.dropped.answers"), 100);
    assert_int_equal(rig_counter("cloud.answers.waiting"), ANSWER_BOX_MAX);
    rig_close();
}

/* QoS 0 that was on its way is lost with the connection: it goes again, in its old place. */
static void an_outage_loses_no_answer(void **state)
{
    (void) state;
    open_up(SERVER "mqtt_qos=0\n");
    for (int i = 0; i < 3; i++)
        rig_message(COMMAND, "{\"id\":1,\"method\":\"m\"}", false);
    rig_take();
    rig_answer(1, "{\"id\":1,\"result\":1}");
    rig_answer(2, "{\"id\":1,\"result\":2}");
    rig_expect("pub miio/7/command_ack 0 {\"id\":1,\"result\":1}\npub miio/7/command_ack 0 {\"id\":1,\"result\":2}\n");
    rig_done(1);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_answer(3, "{\"id\":1,\"result\":3}");
    rig_wait(500);
    rig_take();
    rig_up();
    rig_expect("sub miio/7/command 2\n"
               "pub miio/7/command_ack 0 {\"id\":1,\"result\":2}\npub miio/7/command_ack 0 {\"id\":1,\"result\":3}\nup\n");
    rig_close();
}

static void a_large_answer_becomes_an_error_when_much_waits(void **state)
{
    char *large = malloc(1100000);

    (void) state;
    assert_non_null(large);
    snprintf(large, 1100000, "{\"id\":1,\"result\":\"%0*d\"}", 1000000, 0);
    open_up(SERVER);
    rig.quiet = true;
    rig.room = 0;
    for (int i = 0; i < 3; i++)
        rig_message(COMMAND, "{\"id\":1,\"method\":\"m\"}", false);
    for (uint64_t token = 1; token <= 3; token++)
        assert_int_equal(rig_answer(token, large), 0);
    assert_int_equal(rig_counter("cloud.refused.answers"), 1);
    assert_int_equal(rig_counter("cloud.answers.waiting"), 3);
    assert_int_equal(rig_counter("cloud.dropped.answers"), 0);
    free(large);
    rig_close();
}

/* ---- reports ---- */

static void reports_are_acked_once_or_given_back(void **state)
{
    (void) state;
    open_up(SERVER "mqtt_qos=0\nmqtt_state=0\n");
    assert_int_equal(rig_report(5, "{\"method\":\"props\",\"params\":{}}", false), 0);
    rig_expect("pub miio/7/report 0 {\"id\":5,\"method\":\"props\",\"params\":{}}\n");
    rig_done_all(-1);
    rig_expect("acked 5\n");
    rig.room = 0;
    assert_int_equal(rig_report(6, "{\"method\":\"props\"}", false), -ENOBUFS);
    rig.room = 100;
    assert_int_equal(rig_report(6, "{\"id\":1,\"method\":\"props\"}", false), 0);
    assert_int_equal(rig_report(6, "{\"id\":1,\"method\":\"props\"}", true), 0); /* it is on its way already */
    rig_expect("pub miio/7/report 0 {\"id\":6,\"method\":\"props\"}\n");
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("failed 6 retry\nlost gone\n");
    assert_int_equal(rig_report(7, "{\"method\":\"props\"}", false), -ENOTCONN);
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_answered_once),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(told_is_answered_plus_refused),
        cmocka_unit_test(what_finds_no_place_is_counted),
        cmocka_unit_test(an_outage_loses_no_answer),
        cmocka_unit_test(a_large_answer_becomes_an_error_when_much_waits),
        cmocka_unit_test(reports_are_acked_once_or_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
