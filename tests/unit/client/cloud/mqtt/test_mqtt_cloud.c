/* SPDX-License-Identifier: MIT */
/* The mqtt cloud by itself: sessions, subscriptions, commands under any load, what is at the broker. */
#include <unistd.h>
#include "client/cloud/mqtt/mqtt.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/core/sub_ladder.h"
#include "libagent/io/file.h"
#include "tests/unit/client/cloud_rig.h"

#define SERVER  "mqtt_server=h\n"
#define COMMAND "miio/7/command"
#define ONLINE  "pub miio/7/status 1 r online\n"

/* What client.status says of a topic from which nothing comes: "" or "TOPIC HOW". */
static const char *deaf(void)
{
    static char text[CLOUD_TOPIC_MAX + 16];
    struct cloud_facts f = {.in_flight = 0};

    rig.ops->facts(rig.cloud, &f);
    snprintf(text, sizeof text, "%s%s%s", f.refused, f.refused[0] ? " " : "", f.refused[0] ? f.refused_how : "");
    return text;
}

static void open_up(const char *lines)
{
    rig_open(&cloud_mqtt_ops, lines);
    rig_expect("connect h:1883\n");
    rig_bring_up(-1);
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

static void pauses_begin_anew_only_after_a_session_that_lasted(void **state)
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

/* ---- commands ---- */

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

/* ---- what is at the broker ---- */

#define STATE "miio/7/state"

static void the_state_of_before_the_restart_stays(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    rig_up();
    rig_done(1);
    rig_take();
    rig_report(1, "{\"method\":\"props\",\"params\":{\"temp\":22}}", false);
    rig_expect("pub miio/7/report 1 {\"id\":1,\"method\":\"props\",\"params\":{\"temp\":22}}\n"); /* not written yet */
    rig_message(STATE, "{\"live\":1}", false);                                                    /* not what was kept */
    rig_message(STATE, "{\"power\":\"on\",\"temp\":21}", true);
    rig_expect("");
    rig_done_all(-1);
    rig_expect(ONLINE "sub miio/7/state 0\nacked 1\nunsub miio/7/state\npub miio/7/state 1 r {\"temp\":22,\"power\":\"on\"}\n");
    rig_message(STATE, "{\"late\":1}", true); /* a broker that answers out of order */
    rig_expect("pub miio/7/state 1 r {\"temp\":22,\"power\":\"on\",\"late\":1}\n");
    rig_close();
}

static void what_found_no_room_follows(void **state)
{
    (void) state;
    open_up(SERVER);
    rig.room = 1;
    rig_report(1, "{\"method\":\"props\",\"params\":{\"temp\":22}}", false);
    rig_expect("pub miio/7/report 1 {\"id\":1,\"method\":\"props\",\"params\":{\"temp\":22}}\n");
    rig_done(1);
    rig_expect("acked 1\npub miio/7/state 1 r {\"temp\":22}\nroom\n");
    assert_int_equal(rig_report(2, "{\"method\":\"event.x\"}", false), -ENOBUFS);
    rig_done(1); /* no report was on its way: somebody has to say so */
    rig_expect("room\n");
    assert_int_equal(rig_report(2, "{\"method\":\"props\",\"params\":{\"temp\":23}}", false), 0);
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0); /* the report is still on its way: QoS 1 stays in the window */
    rig_wait(500);
    rig_take();
    rig_up();
    rig_done_all(-1);
    rig_expect("sub miio/7/command 2\nup\nacked 2\nroom\n" ONLINE "pub miio/7/state 1 r {\"temp\":23}\nroom\n");
    rig_close();
}

static void a_broker_that_does_not_let_it_be_read_gets_a_new_state(void **state)
{
    (void) state;
    for (int mute = 0; mute < 2; mute++) {
        rig_open(&cloud_mqtt_ops, SERVER);
        rig_up();
        rig_report(1, "{\"method\":\"props\",\"params\":{\"temp\":22}}", false);
        rig_done_all(-1);
        rig_take();
        rig_close();

        rig_open(&cloud_mqtt_ops, SERVER "mqtt_command_qos=0\n");
        rig_up();
        rig_report(1, "{\"method\":\"props\",\"params\":{\"temp\":22}}", false);
        rig_wait(SUB_LADDER_WAIT_MS); /* commands: given up */
        rig_take();
        if (mute)
            rig_wait(SUB_LADDER_WAIT_MS);
        else
            rig_done_all(MQTT_LINK_DONE_REFUSED);
        assert_non_null(strstr(rig_take(), "pub miio/7/state 1 r {\"temp\":22}\n"));
        rig_close();
    }
}

static void a_lost_connection_reads_it_back_again(void **state)
{
    (void) state;
    rig_open(&cloud_mqtt_ops, SERVER);
    rig_up();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up();
    rig_done_all(-1);
    rig_expect("sub miio/7/command 2\nup\n" ONLINE "sub miio/7/state 0\nunsub miio/7/state\n");
    rig_close();
}

static void a_reset_takes_the_state_back(void **state)
{
    (void) state;
    open_up(SERVER);
    rig_report(1, "{\"method\":\"props\",\"params\":{\"temp\":22}}", false);
    rig_done_all(-1);
    rig_take();
    rig.ops->forget(rig.cloud);
    rig_expect("pub miio/7/state 1 r \n");
    rig_lost(MQTT_LINK_CUT, 0);
    rig.ops->forget(rig.cloud); /* without a connection: at the next login */
    rig_wait(500);
    rig_up();
    rig_done_all(-1);
    assert_non_null(strstr(rig_take(), ONLINE "pub miio/7/state 1 r \n"));
    rig_report(2, "{\"method\":\"props\",\"params\":{\"a\":1}}", false);
    assert_non_null(strstr(rig_take(), "pub miio/7/state 1 r {\"a\":1}\n"));
    rig_close();
}

static void write_list(const char *path, const char *names)
{
    char text[1024];
    int n = snprintf(text, sizeof text, "{\"properties\":[");

    for (const char *p = names; *p; p++)
        n += snprintf(text + n, sizeof text - (size_t) n, "%s{\"name\":\"%c\",\"type\":\"sensor\"}", p == names ? "" : ",", *p);
    n += snprintf(text + n, sizeof text - (size_t) n, "]}");
    assert_int_equal(ag_file_write_atomic(path, text, (size_t) n, 0600), 0);
}

static void entities_that_are_gone_are_taken_back(void **state)
{
    char list[64] = "/tmp/ha-list-XXXXXX", line[128];
    const char *said;
    int fd = mkstemp(list);

    (void) state;
    assert_true(fd >= 0);
    close(fd);
    write_list(list, "abc");
    snprintf(line, sizeof line, SERVER "ha_properties=%s\n", list);
    open_up(line);
    write_list(list, "ad");
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up();
    said = rig_take();
    assert_non_null(strstr(said, "pub homeassistant/sensor/miio_7/d/config 0 r {"));
    assert_non_null(strstr(said, "pub homeassistant/sensor/miio_7/b/config 1 r \n"));
    assert_non_null(strstr(said, "pub homeassistant/sensor/miio_7/c/config 1 r \n"));
    assert_null(strstr(said, "a/config 1 r \n"));
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(2000);
    rig_take();
    rig_up();
    assert_null(strstr(rig_take(), "config 1 r \n")); /* once */
    unlink(list);
    rig_close();
}

/* ---- a device with a model ---- */

#define URN(kind, name) "\"type\":\"urn:miot-spec-v2:" kind ":" name ":00000001:a-b:1\""
#define TOPIC           "pub homeassistant/device/miio_7/config 1 r "

static const char MODEL[] = "{" URN("device", "x") ",\"services\":[{\"iid\":2," URN(
    "service",
    "x") ",\"properties\":["
         "{\"iid\":1," URN("property",
                           "a") ",\"description\":\"\",\"format\":\"bool\",\"access\":[\"read\",\"write\",\"notify\"]},"
                                "{\"iid\":2," URN("property",
                                                  "b") ",\"description\":\"\",\"format\":\"uint8\",\"access\":[\"read\"]}]}]}";
static const char ASK_ALL[] =
    "command 1 {\"id\":\"state\",\"method\":\"get_properties\",\"params\":[{\"did\":\"7\",\"siid\":2,\"piid\":1},"
    "{\"did\":\"7\",\"siid\":2,\"piid\":2}]}\n";
#define ASK_B "{\"id\":\"state\",\"method\":\"get_properties\",\"params\":[{\"did\":\"7\",\"siid\":2,\"piid\":2}]}\n"

static void open_model(char path[64], const char *more)
{
    char lines[200];
    int fd;

    strcpy(path, "/tmp/ha-model-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(ag_file_write_atomic(path, MODEL, sizeof MODEL - 1, 0600), 0);
    snprintf(lines, sizeof lines, SERVER "model=%s\n%s", path, more);
    rig_open(&cloud_mqtt_ops, lines);
    rig_expect("connect h:1883\n");
    rig_up();
    assert_non_null(strstr(rig_take(), TOPIC "{\"device\""));
    rig_done_all(-1);
    rig_done_all(-1);
}

static void what_a_model_lets_read_is_asked_for(void **state)
{
    char path[64];

    (void) state;
    open_model(path, "");
    rig_take();
    rig_wait(0);
    rig_expect(ASK_ALL);
    assert_int_equal(
        rig_answer(
            1,
            "{\"id\":\"state\",\"result\":[{\"siid\":2,\"piid\":1,\"code\":0,\"value\":true},{\"siid\":2,\"piid\":2,\"code\":-4004}]}"),
        0);
    rig_expect("pub miio/7/state 1 r {\"2.1\":true}\n");
    assert_int_equal(rig_answer(1, "{\"result\":[]}"), -ENOENT); /* once */
    rig_wait(0);
    rig_expect("");
    rig_wait(60000); /* what the device does not tell by itself */
    rig_expect("command 2 " ASK_B);
    assert_int_equal(rig_answer(2, "{\"result\":[{\"siid\":2,\"piid\":2,\"code\":0,\"value\":5}]}"), 0);
    rig_expect("pub miio/7/state 1 r {\"2.1\":true,\"2.2\":5}\n");
    rig_wait(0);
    rig_message(COMMAND, "{\"id\":1,\"method\":\"set_properties\",\"params\":[]}", false);
    rig_take();
    assert_int_equal(rig_answer(3, "{\"result\":[]}"), 0);
    rig_take();
    rig_wait(500); /* a command may have changed it */
    rig_expect("command 4 " ASK_B);
    unlink(path);
    rig_close();
}

static void applications_that_come_later_are_asked_again(void **state)
{
    char path[64];

    (void) state;
    open_model(path, "ha_poll=0\n");
    rig_take();
    rig_wait(0);
    rig_expect(ASK_ALL);
    for (uint64_t n = 1, pause = 5000; n <= 8; n++, pause *= 2) {
        assert_int_equal(rig_answer(n, "{\"error\":{\"code\":-32601}}"), 0);
        assert_int_equal(rig_next_timer(), pause);
        rig_wait(pause);
        assert_non_null(strstr(rig_take(), "get_properties"));
    }
    assert_int_equal(rig_answer(9, "nothing of sense"), 0);
    assert_int_equal(rig_next_timer(), UINT64_MAX); /* the next login, or Home Assistant's start, starts over */
    unlink(path);
    rig_close();
}

static void home_assistants_birth_has_all_said_again(void **state)
{
    char path[64];
    const char *said;

    (void) state;
    open_model(path, "");
    rig_wait(0);
    rig_answer(1, "{\"result\":[{\"siid\":2,\"piid\":1,\"code\":0,\"value\":true}]}");
    rig_wait(0);
    rig_take();
    rig_message("homeassistant/status", "online", true); /* kept: of before */
    rig_message("homeassistant/status", "offline", false);
    rig_message("homeassistant/other", "online", false);
    rig_wait(3001);
    rig_expect("");
    rig_message("homeassistant/status", "online", false);
    rig_message("homeassistant/status", "online", false);
    rig_wait(3001);
    said = rig_take();
    assert_non_null(strstr(said, TOPIC "{\"device\""));
    assert_null(strstr(strstr(said, TOPIC) + 1, TOPIC));
    assert_non_null(strstr(said, ONLINE));
    assert_non_null(strstr(said, "pub miio/7/state 1 r {\"2.1\":true}\n"));
    unlink(path);
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_model_lets_read_is_asked_for),
        cmocka_unit_test(applications_that_come_later_are_asked_again),
        cmocka_unit_test(home_assistants_birth_has_all_said_again),
        cmocka_unit_test(a_session_begins_in_order),
        cmocka_unit_test(pauses_begin_anew_only_after_a_session_that_lasted),
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
        cmocka_unit_test(a_command_is_answered_once),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(told_is_answered_plus_refused),
        cmocka_unit_test(what_finds_no_place_is_counted),
        cmocka_unit_test(an_outage_loses_no_answer),
        cmocka_unit_test(a_large_answer_becomes_an_error_when_much_waits),
        cmocka_unit_test(reports_are_acked_once_or_given_back),
        cmocka_unit_test(the_state_of_before_the_restart_stays),
        cmocka_unit_test(what_found_no_room_follows),
        cmocka_unit_test(a_broker_that_does_not_let_it_be_read_gets_a_new_state),
        cmocka_unit_test(a_lost_connection_reads_it_back_again),
        cmocka_unit_test(a_reset_takes_the_state_back),
        cmocka_unit_test(entities_that_are_gone_are_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
