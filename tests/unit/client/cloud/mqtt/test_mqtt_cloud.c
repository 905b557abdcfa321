/* SPDX-License-Identifier: MIT */
/* The mqtt cloud by itself: sessions and their pauses, subscriptions. */
#include "client/cloud/core/sub_ladder.h"
#include "tests/unit/client/cloud/mqtt/mqtt_rig.h"

/* What client.status says of a topic from which nothing comes: "" or "TOPIC HOW". */
static const char *deaf(void)
{
    static char text[CLOUD_TOPIC_MAX + 16];
    struct cloud_facts f = {.in_flight = 0};

    rig.ops->facts(rig.cloud, &f);
    snprintf(text, sizeof text, "%s%s%s", f.refused, f.refused[0] ? " " : "", f.refused[0] ? f.refused_how : "");
    return text;
}

static void a_session_begins_in_order(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    rig_expect("connect h:1883\n");
    rig_up();
    rig_expect("sub miio/7/command 2\nup\n"); /* not "online" before commands can come */
    rig_done_all(-1);
    rig_expect(ONLINE "sub miio/7/state 0\nunsub miio/7/state\n");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_expect("lost gone\nconnect h:1883\n");
    rig_up();
    rig_done_all(-1);
    rig_expect("sub miio/7/command 2\nup\n" ONLINE); /* read back once */
    rig_close();
}

/* ---- pauses ---- */

static uint64_t pause_after(uint64_t lasted_ms)
{
    rig_up();
    rig_wait(lasted_ms);
    rig_lost(MQTT_LINK_CUT, 0);
    return rig_next_timer();
}

static void pauses_start_over_only_after_a_session_that_lasted(void **state)
{
    static const uint64_t longest[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    const char *said;
    uint64_t pause;

    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    for (size_t i = 0; i < ag_array_size(longest); i++) {
        pause = pause_after(10);
        assert_in_range(pause, longest[i] * 3 / 4, longest[i]);
        rig_wait(pause);
    }
    said = strstr(rig_take(),
                  "ERROR mqtt: 3 sessions in a row ended soon after login: does another device use the client id miio-7?");
    assert_non_null(said);
    assert_null(strstr(said + 60, "in a row")); /* once */
    pause = pause_after(50000);                 /* long, but two devices under one name would last as long as their pauses */
    assert_in_range(pause, 45000, 60000);
    rig_wait(pause);
    pause = pause_after(200000);
    assert_in_range(pause, 375, 500);
    rig_close();
}

static void a_refused_login_waits_longer(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    rig_lost(MQTT_LINK_REFUSED, 5);
    assert_in_range(rig_next_timer(), 7500, 10000);
    rig_wait(10000);
    rig_lost(MQTT_LINK_REFUSED, 4);
    assert_in_range(rig_next_timer(), 15000, 20000);
    assert_in_range(rig.ops->wakeup_s(rig.cloud), 14, 20); /* the time until the next try, not "busy" */
    rig_wait(20000);
    rig_lost(MQTT_LINK_UNREACHABLE, 0); /* another thing: from the beginning */
    assert_in_range(rig_next_timer(), 375, 500);
    rig_wait(500);
    rig_up(); /* the login is right now */
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(60000);
    rig_lost(MQTT_LINK_REFUSED, 5);
    assert_in_range(rig_next_timer(), 7500, 10000);
    rig.ops->kick(rig.cloud);
    assert_int_equal(rig_next_timer(), 1);
    rig_close();
}

static void servers_are_tried_in_turn(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, "mqtt_server=a,b:99\n");
    rig_expect("connect a:1883\n");
    rig_lost(MQTT_LINK_UNREACHABLE, 0);
    rig_wait(500);
    rig_expect("lost gone\nconnect b:99\n");
    rig_lost(MQTT_LINK_UNREACHABLE, 0);
    rig_wait(1000);
    rig_expect("lost gone\nconnect a:1883\n");
    rig_close();
}

/* Nodes that are restarted one after the other end as many sessions; another device with this client id ends more. */
static void a_rolling_restart_is_no_twin(void **state)
{
    static const char twin[] = "does another device use the client id";

    (void) state;
    rig_open(&cloud_mqtt_ops, "mqtt_server=a,b,c\n");
    for (int i = 0; i < 4; i++)
        rig_wait(pause_after(10));
    assert_null(strstr(rig_take(), twin));
    rig_wait(pause_after(10));
    assert_non_null(strstr(rig_take(), twin));
    rig_close();
}

/* ---- subscriptions ---- */

static void a_refused_subscription_is_told_and_asked_for_with_less(void **state)
{
    char want[600];

    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_take();
    rig_up();
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    snprintf(want, sizeof want,
             "sub miio/7/command 2\nup\n"
             "ERROR mqtt: the broker refuses the subscription to miio/7/command with QoS 2; asking for QoS 1\n"
             "sub miio/7/command 1\n"
             "ERROR mqtt: the broker refuses the subscription to miio/7/command with QoS 1; asking for QoS 0\n"
             "sub miio/7/command 0\n"
             "ERROR mqtt: the broker refuses the subscription to miio/7/command: no command will come; next try in %u s\n" ONLINE,
             (unsigned) (rig_next_timer() + 999) / 1000);
    rig_expect(want);
    assert_int_equal(rig_counter("cloud.refused.subscriptions"), 3);
    assert_string_equal(deaf(), "miio/7/command refused");
    assert_in_range(rig_next_timer(), SUB_LADDER_FIRST_MS * 3 / 4, SUB_LADDER_FIRST_MS);
    rig_wait(SUB_LADDER_FIRST_MS);
    rig_expect("sub miio/7/command 2\n"); /* rules get mended */
    rig_done_all(-1);
    rig_expect("");
    assert_string_equal(deaf(), "");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_close();
}

static void a_mute_broker_is_asked_with_less(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_take();
    rig_up();
    rig_wait(SUB_LADDER_WAIT_MS);
    rig_expect("sub miio/7/command 2\nup\n"
               "ERROR mqtt: the broker does not answer the subscription to miio/7/command with QoS 2; asking for QoS 1\n"
               "sub miio/7/command 1\n");
    assert_string_equal(deaf(), "miio/7/command silent");
    rig_done_all(-1); /* the late answer to the first one is a yes, too */
    rig_expect(ONLINE);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up();
    rig_expect("sub miio/7/command 1\nup\n"); /* what has worked */
    rig_close();
}

/* A node that was slow for once: what it has granted at last stands. */
static void a_late_yes_is_a_yes(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_up();
    rig_wait(SUB_LADDER_WAIT_MS * (1 + 2 + 4));
    assert_non_null(strstr(rig_take(), "does not answer the subscription to miio/7/command: no command will come"));
    rig_done_all(-1);
    rig_expect("");
    assert_string_equal(deaf(), "");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_close();
}

static void a_new_session_asks_at_once(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_up();
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    for (int i = 0; i < 4; i++) { /* pauses of minutes by now */
        rig_wait(rig_next_timer());
        rig_done_all(MQTT_LINK_DONE_REFUSED);
    }
    assert_in_range(rig_next_timer(), SUB_LADDER_FIRST_MS * 12, SUB_LADDER_FIRST_MS * 16);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up(); /* whatever is said of the session */
    rig_expect("sub miio/7/command 1\nup\n");
    rig_done_all(-1);
    assert_non_null(strstr(rig_take(), ONLINE));
    assert_string_equal(deaf(), "");
    rig_close();
}

/* For an hour nobody answers, with each QoS in turn; the pauses grow to ten minutes. */
static void a_mute_broker_is_asked_again_and_again(void **state)
{
    static const unsigned pauses_s[] = {15, 30, 60, 120, 240, 480, 600, 600}, qos[] = {2, 1, 0, 2, 1, 0, 2, 1};
    char want[64];

    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_up();
    rig_wait(SUB_LADDER_WAIT_MS * (1 + 2 + 4));
    for (size_t i = 0; i < ag_array_size(pauses_s); i++) {
        rig_take();
        assert_in_range(rig_next_timer(), pauses_s[i] * 750, pauses_s[i] * 1000);
        rig_wait(rig_next_timer());
        snprintf(want, sizeof want, "sub miio/7/command %u\n", qos[i]);
        rig_expect(want);
        rig_wait(SUB_LADDER_WAIT_MS * 4);
    }
    rig.ops->kick(rig.cloud); /* the network or the settings have changed */
    rig_lost(MQTT_LINK_ASKED, 0);
    rig_wait(1);
    rig_take();
    rig_up();
    rig_expect("sub miio/7/command 2\nup\n");
    rig_close();
}

static void a_mute_broker_of_several_is_left(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, "mqtt_server=a,b\nmqtt_state=0\n");
    rig_up();
    rig_wait(SUB_LADDER_WAIT_MS * (1 + 2 + 4));
    rig_take();
    rig_wait(rig_next_timer());
    rig_expect("pub miio/7/status 0 r offline\ndisconnect\n");
    rig_lost(MQTT_LINK_ASKED, 0);
    rig_wait(1);
    rig_expect("lost gone\nconnect b:1883\n");
    rig_up();
    rig_expect("sub miio/7/command 2\nup\n");
    rig_done_all(-1);
    rig_expect(ONLINE);
    rig_close();
}

/* A device that was told no for once does not ask for less for ever: the broker keeps commands for QoS 1 and 2 only. */
static void less_is_asked_for_an_hour_only(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_state=0\n");
    rig_up();
    rig_wait(SUB_LADDER_WAIT_MS);
    rig_done_all(-1);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up();
    rig_expect("sub miio/7/command 1\nup\n");
    rig_done_all(-1);
    rig_take();
    rig_wait(SUB_LADDER_KEPT_MS);
    rig_expect("sub miio/7/command 2\n");
    rig_wait(SUB_LADDER_WAIT_MS); /* no answer: what stood is taken again, for two hours now */
    rig_done_all(-1);
    rig_take();
    assert_in_range(rig_next_timer(), SUB_LADDER_KEPT_MS, 2 * SUB_LADDER_KEPT_MS);
    rig_wait(rig_next_timer());
    rig_expect("sub miio/7/command 2\n");
    rig_done_all(-1);
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_close();
}

static void a_broker_that_hangs_up_is_asked_with_less(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    rig_take();
    for (int qos = 2; qos >= 0; qos--) {
        for (int i = 0; i < SUB_LADDER_CUTS; i++) {
            char want[64];

            rig_up();
            snprintf(want, sizeof want, "sub miio/7/command %d\nup\n", qos);
            rig_expect(want);
            rig_lost(MQTT_LINK_CUT, 0);
            assert_non_null(strstr(rig_take(), "ERROR mqtt: the connection ended while miio/7/command was being subscribed to"));
            rig_wait(rig_next_timer());
            rig_take();
        }
    }
    rig_up();
    rig_expect(ONLINE "sub miio/7/state 0\nup\n"); /* reports get through, at least */
    rig_done_all(-1);
    assert_string_equal(deaf(), "miio/7/command cut");
    while (!strstr(rig_take(), "sub miio/7/command 2\n")) {
        assert_in_range(rig_next_timer(), 1, SUB_LADDER_CUT_MS);
        rig_wait(rig_next_timer());
    }
    rig_done_all(-1);
    assert_string_equal(deaf(), "");
    rig_close();
}

static void the_highest_qos_can_be_set(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER "mqtt_command_qos=0\n");
    rig_take();
    rig_up();
    rig_expect("sub miio/7/command 0\nup\n");
    rig_close();
}

/* They are read by others: client.counters, miioctl stats --prom. */
static void counters_keep_their_names(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    assert_string_equal(rig_counter_names(), "cloud.answers.waiting cloud.commands cloud.dropped.answers cloud.link.acked "
                                             "cloud.link.connects cloud.link.losses cloud.link.received cloud.link.sent "
                                             "cloud.link.unacknowledged cloud.refused.answers cloud.refused.commands "
                                             "cloud.refused.properties cloud.refused.subscriptions");
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_in_order),
        cmocka_unit_test(pauses_start_over_only_after_a_session_that_lasted),
        cmocka_unit_test(a_refused_login_waits_longer),
        cmocka_unit_test(servers_are_tried_in_turn),
        cmocka_unit_test(a_rolling_restart_is_no_twin),
        cmocka_unit_test(a_refused_subscription_is_told_and_asked_for_with_less),
        cmocka_unit_test(a_mute_broker_is_asked_with_less),
        cmocka_unit_test(a_late_yes_is_a_yes),
        cmocka_unit_test(a_new_session_asks_at_once),
        cmocka_unit_test(a_mute_broker_is_asked_again_and_again),
        cmocka_unit_test(a_mute_broker_of_several_is_left),
        cmocka_unit_test(less_is_asked_for_an_hour_only),
        cmocka_unit_test(a_broker_that_hangs_up_is_asked_with_less),
        cmocka_unit_test(the_highest_qos_can_be_set),
        cmocka_unit_test(counters_keep_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
