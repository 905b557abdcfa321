/* SPDX-License-Identifier: MIT */
/* The Gizwits cloud by itself: the way to a session, commands and acknowledgements under any load, reports, methods. */
#include "client/cloud/gizwits/gizwits.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/gizwits/core/gizwits_acks.h"
#include "client/cloud/gizwits/core/gizwits_frame.h"
#include "libagent/core/backoff.h"
#include "tests/unit/client/cloud_rig.h"

#define DID    "1234567890123456789012"
#define KEY    "0123456789abcdef0123456789abcdef"
#define CONF   "gizwits_product_key=" KEY "\ngizwits_ask_apps=0\ngizwits_ota=off\n"
#define TO_APP "dev2app/" DID "/phone"

static void provision(void)
{
    rig_http(200, "host=m&port=1883");
}

static void open_up(const char *lines)
{
    rig_open(&cloud_gizwits_ops, lines);
    rig_http(201, "did=" DID);
    provision();
    assert_non_null(strstr(rig_bring_up(0), "up\n"));
}

static void send_frame(const struct gizwits_frame *f)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    assert_int_equal(gizwits_frame_build(f, &b), 0);
    rig_message_bytes(f->cmd == GIZWITS_APPS ? "ser2cli_res/" DID : "app2dev/" DID "/phone", ag_buf_span(&b));
}

static void command(uint16_t cmd, uint32_t sn, const char *text)
{
    const struct gizwits_frame f = {.cmd = cmd, .sn = sn, .p0 = {text, strlen(text)}};

    send_frame(&f);
}

/* The last publish was this command to the App, with this text. */
static void expect_last(uint16_t cmd, uint32_t sn, const char *text)
{
    struct gizwits_frame f;

    assert_string_equal(rig.last_topic, TO_APP);
    assert_int_equal(gizwits_frame_parse(GIZWITS_FORM_A, ag_buf_span(&rig.last_payload), &f), 0);
    assert_int_equal(f.cmd, cmd);
    assert_int_equal(cmd == GIZWITS_ACK ? f.sn : sn, sn);
    if (!ag_span_is(f.p0, text, strlen(text)))
        fail_msg("%.*s instead of %s", (int) f.p0.len, f.p0.p, text);
}

/* ---- sessions ---- */

static void a_session_begins_in_order(void **state)
{
    (void) state;
    rig_open(&cloud_gizwits_ops, CONF);
    assert_non_null(strstr(rig_take(), "http POST http://api.gizwits.com:80/dev/devices passcode="));
    rig_http(201, "did=" DID);
    rig_expect("http GET http://api.gizwits.com:80/dev/devices/" DID " \n");
    provision();
    rig_expect("connect m:1883\n");
    rig_up();
    rig_expect("sub ser2cli_res/" DID " 0\n");
    rig_done_all(0);
    rig_expect("sub ser2cli_noti/" KEY " 0\nsub app2dev/" DID "/# 0\nup\n");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig_close();
}

static void pauses_start_over_only_after_a_session_that_lasted(void **state)
{
    static const uint64_t pauses[] = {0, 10000, 20000, 30000};
    const char *said;

    (void) state;
    open_up(CONF);
    for (size_t i = 0; i < ag_array_size(pauses); i++) {
        rig_wait(AG_BACKOFF_LASTED_MS - 1);
        rig_lost(MQTT_LINK_CUT, 0);
        assert_int_equal(rig_next_timer(), pauses[i]);
        rig_wait(pauses[i]);
        provision();
        rig_up();
        rig_done_all(0);
    }
    said =
        strstr(rig_take(), "ERROR gizwits: 3 sessions in a row ended soon after login: does another device use the DID " DID "?");
    assert_non_null(said);
    assert_null(strstr(said + 60, "in a row"));
    rig_wait(AG_BACKOFF_LASTED_MS);
    rig_lost(MQTT_LINK_CUT, 0);
    assert_int_equal(rig_next_timer(), 0);
    rig_close();
}

static void a_refused_or_mute_subscription_is_told_by_topic(void **state)
{
    (void) state;
    rig_open(&cloud_gizwits_ops, CONF);
    rig_http(201, "did=" DID);
    provision();
    rig_up();
    rig_take();
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    rig_expect("ERROR gizwits: the server refuses the subscription to ser2cli_res/" DID "\ndisconnect\n");
    rig_lost(MQTT_LINK_ASKED, 0);
    assert_int_equal(rig_next_timer(), 10000);
    rig_wait(10000);
    provision();
    rig_up();
    rig_take();
    rig_wait(10000); /* silence */
    rig_expect("ERROR gizwits: the server does not answer the subscription to ser2cli_res/" DID "\ndisconnect\n");
    rig_lost(MQTT_LINK_ASKED, 0);
    assert_int_equal(rig_next_timer(), 20000);
    rig_wait(20000);
    provision();
    rig_up();
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("ERROR gizwits: the server ends the connection at the subscription to ser2cli_res/" DID "\n");
    assert_int_equal(rig_next_timer(), 30000);
    assert_int_equal(rig_counter("cloud.refused.subscriptions"), 3);
    rig_close();
}

/* ---- commands ---- */

static void a_0093_is_executed_and_acknowledged_once(void **state)
{
    (void) state;
    open_up(CONF);
    command(GIZWITS_ACKED, 5, "{\"id\":7,\"method\":\"m\"}");
    rig_expect("command 1 {\"id\":7,\"method\":\"m\"}\n");
    command(GIZWITS_ACKED, 5, "{\"id\":7,\"method\":\"m\"}"); /* before the answer: neither executed nor acknowledged */
    rig_expect("");
    assert_int_equal(rig_answer(1, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
    expect_last(GIZWITS_ACK, 5, "{\"id\":7,\"result\":[\"ok\"]}");
    assert_int_equal(rig.n_pub, 1);
    assert_int_equal(rig_answer(1, "{\"id\":1,\"result\":[\"ok\"]}"), -ENOENT);
    command(GIZWITS_ACKED, 5, "{\"id\":7,\"method\":\"m\"}"); /* after it: acknowledged again, with the same */
    expect_last(GIZWITS_ACK, 5, "{\"id\":7,\"result\":[\"ok\"]}");
    assert_int_equal(rig.n_pub, 2);
    assert_int_equal(rig.n_commands, 1);
    assert_int_equal(rig_counter("cloud.repeats"), 2);
    command(GIZWITS_TO_DEVICE, 0, "{\"id\":8,\"method\":\"m\"}");
    assert_int_equal(rig_answer(2, "no JSON"), 0); /* answered all the same */
    expect_last(GIZWITS_TO_APP, 0, "{\"id\":8,\"error\":{\"code\":-32603,\"message\":\"the answer cannot be carried\"}}");
    rig_close();
}

static void bad_commands_are_refused(void **state)
{
    char text[400];

    (void) state;
    open_up(CONF);
    snprintf(text, sizeof text, "{\"id\":\"%0*d\",\"method\":\"m\"}", CLOUD_ID_MAX - 1, 0);
    command(GIZWITS_TO_DEVICE, 0, text);
    expect_last(GIZWITS_TO_APP, 0, "{\"id\":null,\"error\":{\"code\":-32600,\"message\":\"an id over 128 bytes\"}}");
    command(GIZWITS_ACKED, 9, "{\"id\":1,\"method\":\"m\",\"method\":\"miIO.reboot\"}");
    expect_last(GIZWITS_ACK, 9, "{\"id\":null,\"error\":{\"code\":-32600,\"message\":\"id or method is given twice\"}}");
    assert_int_equal(rig.n_commands, 0);
    assert_int_equal(rig_counter("cloud.refused.commands"), 2);
    rig_close();
}

/* One App more than are remembered, while all wait: it hears so under its own id. */
static void an_app_too_many_is_refused_under_its_id(void **state)
{
    const char *text = "{\"id\":31,\"method\":\"m\"}";
    const struct gizwits_frame f = {.cmd = GIZWITS_ACKED, .sn = 5, .p0 = {text, strlen(text)}};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct gizwits_frame said;

    (void) state;
    open_up(CONF);
    assert_int_equal(gizwits_frame_build(&f, &b), 0);
    for (int i = 0; i <= GIZWITS_SEEN_APPS; i++) {
        char topic[64];

        snprintf(topic, sizeof topic, "app2dev/" DID "/phone%d", i);
        rig_message_bytes(topic, ag_buf_span(&b));
    }
    assert_int_equal(rig.n_commands, GIZWITS_SEEN_APPS);
    assert_int_equal(rig.n_pub, 1);
    assert_int_equal(gizwits_frame_parse(GIZWITS_FORM_A, ag_buf_span(&rig.last_payload), &said), 0);
    assert_true(ag_span_eq(said.p0, "{\"id\":31,\"error\":{\"code\":-32000,\"message\":\"too many Apps wait for answers\"}}"));
    rig_close();
}

/* 2000 x 0x0093 at a link that takes ten at a time; then each is repeated: none is executed twice. */
static void told_is_answered_plus_refused(void **state)
{
    const unsigned n = 2000;
    uint64_t refused;

    (void) state;
    for (int echo = 0; echo < 2; echo++) {
        open_up(CONF);
        rig.quiet = true;
        rig.room = 10;
        rig.echo = echo;
        for (unsigned i = 0; i < n; i++)
            command(GIZWITS_ACKED, i, "{\"id\":1,\"method\":\"m\"}");
        refused = rig_counter("cloud.refused.commands");
        assert_int_equal(rig.n_commands + refused, n);
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        for (unsigned i = 0; i < ANSWER_BOX_OPEN_MAX && !echo; i++)
            command(GIZWITS_ACKED, i, "{\"id\":1,\"method\":\"m\"}");
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        for (unsigned token = 1; token <= rig.n_commands && !echo; token++)
            assert_int_equal(rig_answer(token, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
        while (rig_counter("cloud.answers.waiting") > 0)
            rig_done(1);
        print_message("told %u = answered %u + refused %u\n", n, rig.n_commands, (unsigned) refused);
        assert_int_equal(rig.n_pub, n);
        assert_int_equal(rig_counter("cloud.dropped.answers"), 0);
        rig_close();
    }
}

static void an_outage_loses_no_answer(void **state)
{
    (void) state;
    open_up(CONF);
    command(GIZWITS_ACKED, 1, "{\"id\":1,\"method\":\"m\"}");
    command(GIZWITS_ACKED, 2, "{\"id\":2,\"method\":\"m\"}");
    rig_answer(1, "{\"id\":1,\"result\":1}");
    assert_int_equal(rig.n_pub, 1);
    rig_lost(MQTT_LINK_CUT, 0); /* QoS 0: it was not written */
    rig_answer(2, "{\"id\":1,\"result\":2}");
    rig_wait(0);
    provision();
    rig_up();
    rig_done_all(0);
    assert_int_equal(rig.n_pub, 3);
    expect_last(GIZWITS_ACK, 2, "{\"id\":2,\"result\":2}");
    rig_close();
}

static void a_reset_forgets_what_was_for_the_last_owner(void **state)
{
    (void) state;
    open_up(CONF);
    command(GIZWITS_ACKED, 1, "{\"id\":1,\"method\":\"m\"}");
    command(GIZWITS_ACKED, 2, "{\"id\":2,\"method\":\"m\"}");
    rig.room = 0;
    rig_answer(1, "{\"id\":1,\"result\":1}");
    rig.ops->forget(rig.cloud);
    assert_int_equal(rig_answer(2, "{\"id\":1,\"result\":2}"), -ENOENT);
    assert_int_equal(rig_counter("cloud.answers.waiting"), 0);
    assert_int_equal(rig_counter("cloud.dropped.answers"), 1);
    rig_close();
}

/* ---- reports ---- */

static void reports_are_acked_once_or_given_back(void **state)
{
    (void) state;
    open_up(CONF);
    assert_int_equal(rig_report(5, "{\"method\":\"props\"}", false), 0);
    rig_take();
    rig_done_all(0);
    rig_expect("acked 5\n");
    rig.room = 0;
    assert_int_equal(rig_report(6, "{\"method\":\"props\"}", false), -ENOBUFS); /* offer it again: not refused */
    assert_int_equal(rig_counter("cloud.refused.reports"), 0);
    rig.room = 1;
    assert_int_equal(rig_report(6, "{\"method\":\"props\"}", false), 0);
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("failed 6 retry\nlost session lost\n");
    assert_int_equal(rig_report(7, "{\"method\":\"props\"}", false), -ENOTCONN);
    rig_wait(0);
    provision();
    rig_up();
    rig_done_all(0);
    assert_int_equal(rig_report(8, "{\"method\":\"props\"}", false), 0);
    rig_take();
    rig.ops->kick(rig.cloud); /* we leave ourselves: it is kept as well */
    rig_expect("disconnect\nfailed 8 retry\nlost session lost\n");
    rig_close();
}

/* The moment of the next try, as it is told with the loss, is the one that comes. */
static void a_loss_tells_the_next_try(void **state)
{
    (void) state;
    open_up(CONF);
    rig_lost(MQTT_LINK_CUT, 0);
    assert_int_equal(rig.told_next_ms, 0); /* at once, the first time */
    rig_wait(0);
    for (int i = 0; i < 2; i++) {
        provision();
        rig_up();
        rig_done_all(0);
        rig_lost(MQTT_LINK_CUT, 0);
        assert_true(rig.told_next_ms > 0);
        rig_take();
        rig_wait(rig.told_next_ms - 1);
        rig_expect("");
        rig_wait(1);
    }
    assert_non_null(strstr(rig_take(), "http GET"));
    rig_close();
}

/* ---- methods ---- */

static void query_apps_ends_with_or_without_an_answer(void **state)
{
    const struct gizwits_frame apps = {.cmd = GIZWITS_APPS, .n_apps = 3};

    (void) state;
    open_up(CONF);
    rig_method("gizwits.query_apps", "[]");
    rig_take();
    send_frame(&apps);
    rig_expect("told {\"id\":0,\"result\":[3]}\ntold {\"method\":\"gizwits.apps\",\"params\":{\"count\":3}}\n");
    rig_method("gizwits.query_apps", "[]");
    rig_take();
    rig_wait(4999);
    rig_expect("");
    rig_wait(1);
    rig_expect("told {\"id\":0,\"error\":{\"code\":-30011,\"message\":\"no answer\"}}\n");
    send_frame(&apps); /* late */
    rig_expect("told {\"method\":\"gizwits.apps\",\"params\":{\"count\":3}}\n");
    assert_int_equal(rig_next_timer(), UINT64_MAX);
    rig.room = 0;
    rig_method("gizwits.query_apps", "[]");
    rig_expect("told {\"id\":0,\"error\":{\"code\":-32000,\"message\":\"too many messages on their way\"}}\n");
    rig_close();
}

static void an_acked_send_is_repeated_and_given_up(void **state)
{
    (void) state;
    open_up(CONF "gizwits_ack_wait=5000\n");
    rig_method("gizwits.send", "{\"app\":\"phone\",\"text\":\"x\",\"ack\":true}");
    for (unsigned i = 1; i <= GIZWITS_ACK_TRIES; i++) {
        assert_int_equal(rig.n_pub, i);
        assert_int_equal(rig.n_told, 0);
        rig_wait(5000);
    }
    assert_int_equal(rig.n_pub, GIZWITS_ACK_TRIES);
    assert_int_equal(rig.n_told, 1);
    rig_method("gizwits.send", "{\"app\":\"phone\",\"text\":\"x\",\"ack\":true}");
    command(GIZWITS_ACK, 2, "");
    assert_int_equal(rig.n_told, 2);
    command(GIZWITS_ACK, 2, "");
    assert_int_equal(rig_counter("cloud.stray_acks"), 1);
    rig_method("gizwits.send", "{\"app\":\"phone\",\"text\":\"x\",\"ack\":true}");
    rig.ops->stop(rig.cloud); /* what is open is answered */
    assert_int_equal(rig.n_told, 3);
    rig_close();
}

/* They are read by others: client.counters, miioctl stats --prom. */
static void counters_keep_their_names(void **state)
{
    (void) state;
    open_up(CONF);
    assert_string_equal(rig_counter_names(),
                        "cloud.answers.waiting cloud.commands cloud.dropped.answers cloud.dropped.body "
                        "cloud.dropped.command cloud.dropped.flag cloud.dropped.header cloud.dropped.length "
                        "cloud.dropped.limit cloud.dropped.topic cloud.dropped.unexpected cloud.dropped.value "
                        "cloud.link.acked cloud.link.connects cloud.link.losses cloud.link.received cloud.link.sent "
                        "cloud.link.unacknowledged cloud.refused.answers cloud.refused.calls cloud.refused.commands "
                        "cloud.refused.reports cloud.refused.subscriptions cloud.repeats cloud.stray_acks "
                        "cloud.unsent");
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_in_order),
        cmocka_unit_test(pauses_start_over_only_after_a_session_that_lasted),
        cmocka_unit_test(a_refused_or_mute_subscription_is_told_by_topic),
        cmocka_unit_test(a_0093_is_executed_and_acknowledged_once),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(an_app_too_many_is_refused_under_its_id),
        cmocka_unit_test(told_is_answered_plus_refused),
        cmocka_unit_test(an_outage_loses_no_answer),
        cmocka_unit_test(a_reset_forgets_what_was_for_the_last_owner),
        cmocka_unit_test(reports_are_acked_once_or_given_back),
        cmocka_unit_test(a_loss_tells_the_next_try),
        cmocka_unit_test(query_apps_ends_with_or_without_an_answer),
        cmocka_unit_test(an_acked_send_is_repeated_and_given_up),
        cmocka_unit_test(counters_keep_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
