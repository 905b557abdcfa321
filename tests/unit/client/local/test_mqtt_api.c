/* SPDX-License-Identifier: MIT */
/* The MQTT API by itself: its channels at a broker that says no, its pauses, what it drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/core/sub_ladder.h"
#include "client/local/io/mqtt_api.h"
#include "tests/unit/client/cloud_rig.h"

#define ASKED "sub miio/report 1\nsub miio/command_ack 1\nsub local/miio_client_in 1\n"

static struct mqtt_api *api;

static void on_joined(void *user)
{
    (void) user;
    rig_line("joined");
}

static void on_left(void *user)
{
    (void) user;
    rig_line("left");
}

static void on_text(void *user, struct ag_span text, const struct ag_json_view *view)
{
    char got[128];

    (void) user;
    (void) view;
    snprintf(got, sizeof got, "text %.*s", (int) text.len, text.p);
    rig_line(got);
}

static void on_closed(void *user)
{
    ++*(int *) user;
}

static const struct mqtt_api_events EVENTS = {on_joined, on_left, on_text, on_closed};
static int n_closed;

static void begin(void)
{
    const struct endpoint broker = {.host = "b", .port = 1883};

    rig_begin();
    n_closed = 0;
    assert_int_equal(mqtt_api_open(&api, NULL, &broker, 7, &EVENTS, &n_closed), 0);
    rig_expect("connect b:1883\n");
}

static void finish(void)
{
    mqtt_api_close(api);
    mqtt_api_close(api);
    rig_finish();
    assert_int_equal(n_closed, 1);
}

static void joined_when_all_channels_stand(void **state)
{
    (void) state;
    begin();
    rig_up();
    rig_expect(ASKED);
    rig_done_all(-1);
    rig_expect("joined\n");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_message("miio/report", "{\"id\":1,\"method\":\"props\"}", false);
    rig_message("miio/report", "{\"id\":1,\"method\":\"props\"}", true); /* retained: from another time */
    rig_expect("text {\"id\":1,\"method\":\"props\"}\n");
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("left\n");
    finish();
}

static void refused_channels_fall_back_and_are_told(void **state)
{
    (void) state;
    begin();
    rig_up();
    rig_take();
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    assert_non_null(strstr(rig_take(), "ERROR MQTT API: the broker refuses local/miio_client_in: nothing will be heard there"));
    rig_wait(SUB_LADDER_FIRST_MS);
    rig_done_all(-1); /* each was asked for once more */
    assert_non_null(strstr(rig_take(), "joined\n"));
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(500);
    rig_take();
    rig_up();
    rig_expect(ASKED);
    rig_wait(SUB_LADDER_WAIT_MS);
    rig_expect(
        "ERROR MQTT API: the broker does not answer the subscription to miio/report with QoS 1; asking for QoS 0\n"
        "sub miio/report 0\n"
        "ERROR MQTT API: the broker does not answer the subscription to miio/command_ack with QoS 1; asking for QoS 0\n"
        "sub miio/command_ack 0\n"
        "ERROR MQTT API: the broker does not answer the subscription to local/miio_client_in with QoS 1; asking for QoS 0\n"
        "sub local/miio_client_in 0\n");
    rig_done_all(-1);
    rig_expect("joined\n");
    finish();
}

static void pauses_grow_with_short_sessions(void **state)
{
    static const uint64_t longest[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 60000};

    (void) state;
    begin();
    for (unsigned i = 0; i < 8; i++) { /* no broker yet: it is local, and comes soon */
        rig_lost(MQTT_LINK_UNREACHABLE, 0);
        assert_in_range(rig_next_timer(), 75, 2000);
        rig_wait(2000);
    }
    for (size_t i = 0; i < ag_array_size(longest); i++) {
        rig_up();
        rig_wait(10);
        rig_lost(MQTT_LINK_CUT, 0);
        assert_in_range(rig_next_timer(), longest[i] * 3 / 4, longest[i]);
        rig_wait(longest[i]);
    }
    rig_up();
    rig_wait(200000);
    rig_lost(MQTT_LINK_CUT, 0);
    assert_in_range(rig_next_timer(), 375, 500);
    finish();
}

static void what_finds_no_room_waits_for_it(void **state)
{
    struct mqtt_api_stats st;
    static char large[1 << 20];

    (void) state;
    begin();
    rig_up();
    rig_done_all(-1);
    rig_take();
    rig.room = 1;
    for (int i = 1; i <= 3; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "{\"id\":%d,\"result\":1}", i);

        mqtt_api_send(api, (struct ag_span){text, (size_t) n});
    }
    rig_expect("pub miio/report_ack 1 {\"id\":1,\"result\":1}\n");
    rig_done(1);
    rig_expect("pub miio/report_ack 1 {\"id\":2,\"result\":1}\n");
    rig_done(1);
    rig_expect("pub miio/report_ack 1 {\"id\":3,\"result\":1}\n");
    rig_done(1);
    memset(large, ' ', sizeof large);
    memcpy(large, "{\"id\":4,\"method\":\"m\"", 20);
    large[sizeof large - 1] = '}';
    for (int i = 0; i < 3; i++)
        mqtt_api_send(api, (struct ag_span){large, sizeof large}); /* one goes out, one waits, two would be over 2 MiB */
    rig_take();
    mqtt_api_get_stats(api, &st);
    assert_int_equal(st.texts_out, 4);
    assert_int_equal(st.dropped, 1);
    rig_lost(MQTT_LINK_CUT, 0); /* and those that it was for */
    mqtt_api_get_stats(api, &st);
    assert_int_equal(st.dropped, 2);
    rig_expect("left\n");
    finish();
}

static void what_does_not_get_out_is_counted(void **state)
{
    struct mqtt_api_stats st;

    (void) state;
    begin();
    mqtt_api_send(api, AG_SPAN("{\"id\":1,\"method\":\"m\"}"));
    rig_up();
    rig_take();
    mqtt_api_send(api, AG_SPAN("{\"id\":1,\"method\":\"m\"}"));
    rig_expect("pub miio/command 1 {\"id\":1,\"method\":\"m\"}\n");
    mqtt_api_get_stats(api, &st);
    assert_int_equal(st.texts_out, 1);
    assert_int_equal(st.dropped, 1);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_when_all_channels_stand),   cmocka_unit_test(refused_channels_fall_back_and_are_told),
        cmocka_unit_test(pauses_grow_with_short_sessions),  cmocka_unit_test(what_finds_no_room_waits_for_it),
        cmocka_unit_test(what_does_not_get_out_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
