/* SPDX-License-Identifier: MIT */
/* The OneNET cloud by itself: sessions, subscriptions, commands under any load, calls that nobody acknowledges. */
#include <sys/stat.h>
#include <unistd.h>
#include "client/cloud/onenet/onenet.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/onenet/core/onenet_command.h"
#include "client/cloud/core/sub_ladder.h"
#include "libagent/core/json/json.h"
#include "libagent/io/file.h"
#include "tests/unit/client/cloud_rig.h"

#define IDENTITY "onenet_server=h\nonenet_device_id=1\nonenet_product_id=2\nonenet_auth_info=x\n"

static void open_up(const char *lines)
{
    rig_open(&cloud_onenet_ops, lines);
    rig_expect("connect h:6002\n");
    rig_bring_up(-1);
}

static void command(unsigned n, const char *payload)
{
    char topic[32];

    snprintf(topic, sizeof topic, "$creq/u%u", n);
    rig_message(topic, payload, false);
}

/* ---- sessions ---- */

static void pauses_start_over_only_after_a_session_that_lasted(void **state)
{
    static const uint64_t longest[] = {0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    const char *said;

    (void) state;
    rig_open(&cloud_onenet_ops, IDENTITY);
    for (size_t i = 0; i < ag_array_size(longest); i++) {
        rig_up();
        rig_wait(10);
        rig_lost(MQTT_LINK_CUT, 0);
        assert_in_range(rig_next_timer(), longest[i] * 3 / 4, longest[i]);
        assert_in_range(rig.ops->wakeup_s(rig.cloud), longest[i] * 3 / 4000, longest[i] / 1000);
        rig_wait(longest[i]);
    }
    said =
        strstr(rig_take(), "ERROR onenet: 3 sessions in a row ended soon after login: does another device use the device id 1?");
    assert_non_null(said);
    assert_null(strstr(said + 60, "in a row"));
    rig_up();
    rig_wait(200000);
    rig_lost(MQTT_LINK_CUT, 0);
    assert_int_equal(rig_next_timer(), 0);
    rig_wait(0);
    rig_lost(MQTT_LINK_REFUSED, 4);
    assert_in_range(rig_next_timer(), 7500, 10000);
    rig.ops->kick(rig.cloud);
    assert_int_equal(rig_next_timer(), 1);
    rig_close();
}

static void subscriptions_are_asked_for_with_less_and_told_by_topic(void **state)
{
    static const char fallen_back[] =
        "ERROR onenet: the platform refuses the subscription to a with QoS 1; asking for QoS 0\nsub a 0\n"
        "ERROR onenet: the platform refuses the subscription to b with QoS 1; asking for QoS 0\nsub b 0\n";
    const char *said;

    (void) state;
    rig_open(&cloud_onenet_ops, IDENTITY "onenet_subscribe=a,b\n");
    rig_take();
    rig_up();
    rig_expect("sub a 1\nsub b 1\nup\n");
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    said = rig_take();
    assert_int_equal(strncmp(said, fallen_back, sizeof fallen_back - 1), 0);
    assert_non_null(strstr(said, "ERROR onenet: the platform refuses the subscription to a; next try in 1"));
    assert_non_null(strstr(said, "ERROR onenet: the platform refuses the subscription to b; next try in 1"));
    assert_int_equal(rig_counter("cloud.refused.subscriptions"), 4);
    rig_wait(SUB_LADDER_FIRST_MS);
    rig_done_all(-1); /* each was asked for once more */
    rig_wait(SUB_LADDER_FIRST_MS);
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(1000);
    rig_take();
    rig_up(); /* the platform may say that it has kept them: that is no proof */
    rig_expect("sub a 1\nsub b 1\nup\n");
    rig_wait(SUB_LADDER_WAIT_MS);
    rig_expect("ERROR onenet: the platform does not answer the subscription to a with QoS 1; asking for QoS 0\nsub a 0\n"
               "ERROR onenet: the platform does not answer the subscription to b with QoS 1; asking for QoS 0\nsub b 0\n");
    rig_done_all(-1);
    rig_expect("");
    rig_close();
}

static void a_connection_that_ends_at_a_subscription_names_it(void **state)
{
    (void) state;
    rig_open(&cloud_onenet_ops, IDENTITY "onenet_subscribe=a\n");
    rig_take();
    rig_up();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("sub a 1\nup\nERROR onenet: the connection ended while a was being subscribed to\nlost gone\n");
    rig_close();
}

/* ---- commands ---- */

static void a_command_is_executed_and_answered_once(void **state)
{
    (void) state;
    open_up(IDENTITY);
    command(1, "{\"id\":7,\"method\":\"m\"}");
    rig_expect("command 1 {\"id\":7,\"method\":\"m\"}\n");
    command(1, "{\"id\":7,\"method\":\"m\"}");    /* before the answer: silence */
    for (int i = 0; i < ANSWER_BOX_OPEN_MAX; i++) /* nor does it take a place each time */
        command(1, "{\"id\":7,\"method\":\"m\"}");
    rig_expect("");
    assert_int_equal(rig_answer(1, "{\"id\":3,\"result\":[\"ok\"]}"), 0);
    rig_expect("pub $crsp/u1 1 {\"id\":7,\"result\":[\"ok\"]}\n");
    assert_int_equal(rig_answer(1, "{\"id\":3,\"result\":[\"ok\"]}"), -ENOENT);
    command(1, "{\"id\":7,\"method\":\"m\"}"); /* after it: from memory */
    rig_expect("pub $crsp/u1 1 {\"id\":7,\"result\":[\"ok\"]}\n");
    assert_int_equal(rig.n_commands, 1);
    command(2, "{\"id\":8,\"method\":\"m\"}");
    assert_int_equal(rig_answer(2, "no JSON"), 0); /* answered all the same */
    rig_expect("command 2 {\"id\":8,\"method\":\"m\"}\n"
               "pub $crsp/u2 1 {\"id\":8,\"error\":{\"code\":-32000,\"message\":\"the answer cannot be carried\"}}\n");
    assert_int_equal(rig_counter("cloud.refused.answers"), 1);
    rig_close();
}

static void bad_commands_are_refused(void **state)
{
    static char text[70000];

    (void) state;
    open_up(IDENTITY);
    snprintf(text, sizeof text, "{\"id\":\"%0*d\",\"method\":\"m\"}", ONENET_ID_MAX - 1, 0);
    command(1, text);
    rig_expect("pub $crsp/u1 1 {\"error\":{\"code\":-32600,\"message\":\"an id over 128 bytes\"}}\n");
    snprintf(text, sizeof text, "%0*d", ONENET_COMMAND_MAX + 1, 0);
    command(2, text);
    rig_expect("pub $crsp/u2 1 {\"error\":{\"code\":-32600,\"message\":\"over 65535 bytes\"}}\n");
    assert_int_equal(rig_counter("cloud.refused.commands"), 2);
    assert_int_equal(rig.n_commands, 0);
    rig_close();
}

/* 2000 at a link that takes ten at a time: each uuid is told once; what was refused may come again, and is executed then. */
static void told_is_answered_plus_refused(void **state)
{
    const unsigned n = 2000;
    uint64_t refused;

    (void) state;
    for (int echo = 0; echo < 2; echo++) {
        open_up(IDENTITY);
        rig.quiet = true;
        rig.room = 10;
        rig.n_pub = 0;
        rig.echo = echo;
        for (unsigned i = 0; i < n; i++)
            command(i, "{\"id\":1,\"method\":\"m\"}");
        refused = rig_counter("cloud.refused.commands");
        assert_int_equal(rig.n_commands + refused, n);
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        command(0, "{\"id\":1,\"method\":\"m\"}"); /* the oldest one is not forgotten while it is open */
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        for (unsigned token = 1; token <= rig.n_commands && !echo; token++)
            assert_int_equal(rig_answer(token, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
        while (rig_counter("cloud.answers.waiting") > 0)
            rig_done(1);
        print_message("told %u = answered %u + refused %u\n", n, rig.n_commands, (unsigned) refused);
        assert_int_equal(rig.n_pub, n + (echo ? 1 : 0)); /* the repeat of an answered one is answered again */
        assert_int_equal(rig_counter("cloud.dropped.answers"), 0);
        for (unsigned i = 0; i < n && echo; i++)
            command(i, "{\"id\":1,\"method\":\"m\"}"); /* the platform's next login: none is executed again */
        assert_int_equal(rig.n_commands, echo ? n : ANSWER_BOX_OPEN_MAX);
        rig_close();
    }
}

static void an_answer_leaves_when_there_is_room(void **state)
{
    (void) state;
    open_up(IDENTITY "onenet_qos=0\n");
    for (unsigned i = 1; i <= 3; i++)
        command(i, "on");
    rig_take();
    rig.room = 1;
    for (unsigned i = 1; i <= 3; i++)
        rig_answer(i, "{\"id\":1,\"result\":{\"payload\":\"x\"}}");
    rig_expect("pub $crsp/u1 0 x\n");
    rig_done(1); /* not only at the next login */
    rig_expect("pub $crsp/u2 0 x\nroom\n");
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(1000);
    rig_take();
    rig.room = 10;
    rig_up();
    rig_expect("pub $crsp/u2 0 x\npub $crsp/u3 0 x\nup\n");
    rig_close();
}

/* ---- calls ---- */

/* One that is too large to wait is an error under the command's id. */
static void an_answer_too_large_to_wait_is_an_error_with_its_id(void **state)
{
    static char text[ANSWER_BOX_BYTES_MAX + 100];

    (void) state;
    open_up(IDENTITY);
    command(1, "{\"id\":\"a\",\"method\":\"m\"}");
    rig.room = 0;
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "{\"id\":3,\"result\":[", 19);
    memcpy(text + sizeof text - 3, "]}", 3);
    rig_take();
    assert_int_equal(rig_answer(1, text), 0);
    rig_lost(MQTT_LINK_CUT, 0);
    rig_wait(1000);
    rig_take();
    rig.room = 10;
    rig_up();
    rig_expect("pub $crsp/u1 1 {\"id\":\"a\",\"error\":{\"code\":-32000,\"message\":\"the answer cannot be carried\"}}\nup\n");
    rig_close();
}

static void a_call_that_nobody_acknowledges_is_answered(void **state)
{
    (void) state;
    open_up(IDENTITY);
    assert_int_equal(rig_method("onenet.publish", "{\"topic\":\"t\",\"payload\":\"x\"}"), 0);
    assert_int_equal(rig_method("onenet.subscribe", "{\"topic\":\"s\"}"), 0);
    rig_expect("pub t 1 x\nsub s 1\n");
    rig_wait(29999);
    rig_expect("");
    rig_wait(1);
    rig_expect("told {\"id\":0,\"error\":{\"code\":-30011,\"message\":\"no acknowledgement\"}}\n"
               "told {\"id\":0,\"error\":{\"code\":-30011,\"message\":\"no acknowledgement\"}}\n");
    rig_done_all(-1); /* late: nobody is told twice */
    rig_expect("");
    assert_int_equal(rig_method("onenet.nothing", "{}"), -ENOSYS);
    rig_close();
}

static void a_lost_call_is_not_told_as_done(void **state)
{
    (void) state;
    open_up(IDENTITY "onenet_qos=0\n");
    rig_method("onenet.publish", "{\"topic\":\"t\",\"payload\":\"x\"}");
    rig_method("onenet.subscribe", "{\"topic\":\"s\"}");
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("told {\"id\":0,\"error\":{\"code\":-32002,\"message\":\"the connection was lost\"}}\n"
               "told {\"id\":0,\"error\":{\"code\":-32002,\"message\":\"the connection was lost\"}}\nlost gone\n");
    rig_method("onenet.publish", "{\"topic\":\"t\",\"payload\":\"x\"}");
    rig_expect("told {\"id\":0,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}\n");
    rig_wait(1000);
    rig_take();
    rig_up();
    rig_expect("up\n"); /* the lost subscription was not taken in */
    rig_method("onenet.subscribe", "{\"topic\":\"s\"}");
    rig_done_all(MQTT_LINK_DONE_REFUSED);
    rig_expect("sub s 1\ntold {\"id\":0,\"error\":{\"code\":-32010,\"message\":\"the platform refused the subscription\"}}\n");
    rig.room = 0;
    rig_method("onenet.publish", "{\"topic\":\"t\",\"payload\":\"x\"}");
    rig_expect("told {\"id\":0,\"error\":{\"code\":-32000,\"message\":\"too many messages on their way\"}}\n");
    rig_close();
}

static void calls_open_at_the_end_are_answered(void **state)
{
    (void) state;
    open_up(IDENTITY);
    rig_method("onenet.publish", "{\"topic\":\"t\",\"payload\":\"x\"}");
    assert_int_equal(rig.n_told, 0);
    rig.ops->stop(rig.cloud);
    assert_int_equal(rig.n_told, 1);
    rig_close();
}

static void only_files_below_the_folder_are_sent(void **state)
{
    char dir[] = "/tmp/onenet-files-XXXXXX", sibling[64], inside[64], line[256], call[256];
    const char *paths[] = {sibling, "/etc/passwd", inside};

    (void) state;
    assert_non_null(mkdtemp(dir));
    snprintf(sibling, sizeof sibling, "%s2", dir);
    assert_int_equal(mkdir(sibling, 0700), 0);
    snprintf(sibling, sizeof sibling, "%s2/f", dir);
    snprintf(inside, sizeof inside, "%s/f", dir);
    assert_int_equal(ag_file_write_atomic(sibling, "secret", 6, 0600), 0);
    assert_int_equal(ag_file_write_atomic(inside, "open", 4, 0600), 0);
    snprintf(line, sizeof line, IDENTITY "onenet_file_dir=%s\n", dir);
    open_up(line);
    for (int i = 0; i < 3; i++) {
        snprintf(call, sizeof call, "{\"type\":2,\"id\":\"b\",\"file\":\"%s\"}", paths[i]);
        rig_method("onenet.dp", call);
        if (i < 2)
            rig_expect(
                "told {\"id\":0,\"error\":{\"code\":-32602,\"message\":\"file must be a plain file below onenet_file_dir, without links and ..\"}}\n");
        else
            assert_non_null(strstr(rig_take(), "pub $dp 1 "));
    }
    unlink(sibling);
    unlink(inside);
    snprintf(sibling, sizeof sibling, "%s2", dir);
    rmdir(sibling);
    rmdir(dir);
    rig_close();
}

static void without_a_folder_no_file_is_sent(void **state)
{
    static const char *const paths[] = {"/tmp/x", "x", "/etc/passwd"};
    char call[256];

    (void) state;
    open_up(IDENTITY);
    for (size_t i = 0; i < ag_array_size(paths); i++) {
        snprintf(call, sizeof call, "{\"type\":2,\"id\":\"b\",\"file\":\"%s\"}", paths[i]);
        rig_method("onenet.dp", call);
        rig_expect("told {\"id\":0,\"error\":{\"code\":-32602,\"message\":\"onenet_file_dir is not set: no file is sent\"}}\n");
    }
    rig_close();
}

static void an_error_of_the_platform_is_cut_between_characters(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    struct ag_span said;
    struct ag_json_view view;

    (void) state;
    for (int shift = 0; shift < 3; shift++) {
        ag_buf_clear(&body);
        assert_int_equal(ag_buf_printf(&body, "{\"errno\":3,\"error\":\"%.*s", shift, "xxx"), 0);
        for (int i = 0; i < 100; i++)
            assert_int_equal(ag_buf_append_str(&body, "\xe4\xb8\xad"), 0);
        assert_int_equal(ag_buf_append_str(&body, "\"}"), 0);
        open_up(IDENTITY "onenet_master_key=k\n");
        rig_method("onenet.create_topic", "{\"topic\":\"t\"}");
        rig_take();
        rig_http(200, ag_buf_cstr(&body));
        said.p = rig_take() + strlen("told ");
        said.len = strlen(said.p);
        assert_non_null(strstr(said.p, "errno 3: "));
        assert_int_equal(ag_json_parse(&said, 16, &view), 0);
        rig_close();
    }
}

/* ---- reports ---- */

static void reports_are_acked_once_or_given_back(void **state)
{
    (void) state;
    open_up(IDENTITY "onenet_qos=0\n");
    assert_int_equal(rig_report(5, "{\"method\":\"props\",\"params\":{\"a\":1}}", false), 0);
    rig_done_all(-1);
    assert_non_null(strstr(rig_take(), "acked 5\n"));
    rig.room = 0;
    assert_int_equal(rig_report(6, "{\"method\":\"props\",\"params\":{\"a\":1}}", false), -ENOBUFS);
    assert_int_equal(rig_report(6, "{\"method\":\"props\",\"params\":7}", false), -EINVAL);
    rig.room = 10;
    assert_int_equal(rig_report(6, "{\"method\":\"props\",\"params\":{\"a\":1}}", false), 0);
    rig_take();
    rig_lost(MQTT_LINK_CUT, 0);
    rig_expect("failed 6 retry\nlost gone\n");
    assert_int_equal(rig_report(7, "{\"method\":\"props\",\"params\":{\"a\":1}}", false), -ENOTCONN);
    rig_close();
}

/* What is still in the link's window is sent again by the link: asked once more, the cloud sends nothing. */
static void a_report_in_the_window_is_not_sent_twice(void **state)
{
    (void) state;
    open_up(IDENTITY);
    assert_int_equal(rig_report(5, "{\"method\":\"props\",\"params\":{\"a\":1}}", false), 0);
    assert_non_null(strstr(rig_take(), "pub $dp 1 "));
    assert_int_equal(rig_report(5, "{\"method\":\"props\",\"params\":{\"a\":1}}", true), 0);
    rig_expect("");
    rig_done_all(-1);
    rig_expect("acked 5\n");
    rig_close();
}

/* They are read by others: client.counters, miioctl stats --prom. */
static void counters_keep_their_names(void **state)
{
    (void) state;
    rig_open(&cloud_onenet_ops, IDENTITY);
    assert_string_equal(rig_counter_names(),
                        "cloud.answers.waiting cloud.commands cloud.dropped.answers cloud.link.acked "
                        "cloud.link.connects cloud.link.losses cloud.link.received cloud.link.sent "
                        "cloud.link.unacknowledged cloud.refused.answers cloud.refused.calls cloud.refused.commands "
                        "cloud.refused.messages cloud.refused.reports cloud.refused.subscriptions cloud.repeats");
    rig_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_start_over_only_after_a_session_that_lasted),
        cmocka_unit_test(subscriptions_are_asked_for_with_less_and_told_by_topic),
        cmocka_unit_test(a_connection_that_ends_at_a_subscription_names_it),
        cmocka_unit_test(a_command_is_executed_and_answered_once),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(told_is_answered_plus_refused),
        cmocka_unit_test(an_answer_leaves_when_there_is_room),
        cmocka_unit_test(an_answer_too_large_to_wait_is_an_error_with_its_id),
        cmocka_unit_test(a_call_that_nobody_acknowledges_is_answered),
        cmocka_unit_test(a_lost_call_is_not_told_as_done),
        cmocka_unit_test(calls_open_at_the_end_are_answered),
        cmocka_unit_test(without_a_folder_no_file_is_sent),
        cmocka_unit_test(only_files_below_the_folder_are_sent),
        cmocka_unit_test(an_error_of_the_platform_is_cut_between_characters),
        cmocka_unit_test(reports_are_acked_once_or_given_back),
        cmocka_unit_test(a_report_in_the_window_is_not_sent_twice),
        cmocka_unit_test(counters_keep_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
