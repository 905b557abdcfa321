/* SPDX-License-Identifier: MIT */
/* The mqtt cloud by itself: what is at the broker, and what a model lets it ask for. */
#include <unistd.h>
#include "client/cloud/core/sub_ladder.h"
#include "libagent/io/file.h"
#include "tests/unit/client/cloud/mqtt/mqtt_rig.h"

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
        cmocka_unit_test(the_state_of_before_the_restart_stays),
        cmocka_unit_test(what_found_no_room_follows),
        cmocka_unit_test(a_broker_that_does_not_let_it_be_read_gets_a_new_state),
        cmocka_unit_test(a_lost_connection_reads_it_back_again),
        cmocka_unit_test(a_reset_takes_the_state_back),
        cmocka_unit_test(entities_that_are_gone_are_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
