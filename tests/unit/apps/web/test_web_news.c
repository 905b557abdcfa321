/* SPDX-License-Identifier: MIT */
/* Values and their curves, live traffic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "agent/apps/web/core/traffic.h"
#include "agent/apps/web/core/values.h"
#include "tests/support/alloc_fail.h"

static struct ag_span sp(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void expect_values(const struct web_values *v, uint64_t after, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    assert_int_equal(web_values_print(v, after, &b), 0);
    assert_string_equal(ag_buf_cstr(&b), text);
}

static void test_reports(void **state)
{
    static const struct {
        const char *text;
        int changed;
        const char *all;
    } rows[] = {
        {"{\"method\":\"props\",\"params\":{\"power\":\"on\",\"bright\":80}}", 1, "{\"power\":\"on\",\"bright\":80}"},
        {"{\"method\":\"props\",\"params\":{\"power\": \"on\"}}", 0, "{\"power\":\"on\",\"bright\":80}"},
        {"{\"id\":1,\"method\":\"prop.bright\",\"params\":[30]}", 1, "{\"power\":\"on\",\"bright\":30}"},
        {"{\"method\":\"properties_changed\",\"params\":[{\"siid\":2,\"piid\":1,\"value\":true},{\"siid\":2},7]}", 1,
         "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"event.click\",\"params\":[1]}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"props\",\"params\":[1]}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"prop.\",\"params\":[1]}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"prop.x\",\"params\":[]}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"props\"}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"not json", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"props\",\"params\":{\"</script>\\u0000\":1}}", 0, "{\"power\":\"on\",\"bright\":30,\"2.1\":true}"},
        {"{\"method\":\"props\",\"params\":{\"2.1\":null}}", 1, "{\"power\":\"on\",\"bright\":30,\"2.1\":null}"},
    };
    struct web_values v = {.list = NULL};

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        if (web_values_take(&v, 1000, sp(rows[i].text)) != rows[i].changed)
            fail_msg("%s", rows[i].text);
        expect_values(&v, 0, rows[i].all);
    }
    web_values_deinit(&v);
}

static void test_only_what_changed_is_told(void **state)
{
    struct web_values v = {.list = NULL};

    (void) state;
    web_values_take(&v, 1, sp("{\"method\":\"props\",\"params\":{\"a\":1,\"b\":1}}"));
    web_values_take(&v, 2, sp("{\"method\":\"props\",\"params\":{\"b\":2}}"));
    expect_values(&v, 1, "{\"b\":2}");
    expect_values(&v, 2, "{}");
    web_values_deinit(&v);
}

/* Names that an application makes up: bounded, and what is told least goes first. */
static void test_too_many_names(void **state)
{
    struct web_values v = {.list = NULL};
    char text[400];

    (void) state;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "{\"method\":\"props\",\"params\":{\"kept\":%d,\"n%d\":%d}}", i, i, i);
        web_values_take(&v, (uint64_t) i + 1, sp(text));
    }
    assert_int_equal(v.n, WEB_VALUES_MAX);
    expect_values(&v, v.reports - 1, "{\"kept\":999,\"n999\":999}");
    snprintf(text, sizeof text, "{\"method\":\"props\",\"params\":{\"%065d\":1}}", 1); /* a name that is too long */
    assert_int_equal(web_values_take(&v, 2000, sp(text)), 0);
    snprintf(text, sizeof text, "{\"method\":\"props\",\"params\":{\"x\":\"%0300d\"}}", 1); /* a value that is */
    assert_int_equal(web_values_take(&v, 2000, sp(text)), 0);
    web_values_deinit(&v);
}

static void tell(struct web_values *v, uint64_t now_ms, const char *value)
{
    char text[100];

    snprintf(text, sizeof text, "{\"method\":\"prop.t\",\"params\":[%s]}", value);
    web_values_take(v, now_ms, sp(text));
}

static void expect_curve(const struct web_values *v, uint64_t now_ms, const char *points)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char wanted[300];

    assert_int_equal(web_curve_print(v, "t", now_ms, &b), 0);
    snprintf(wanted, sizeof wanted, "{\"step_s\":20,\"points\":[%s]}", points);
    assert_string_equal(ag_buf_cstr(&b), wanted);
}

static void test_curve(void **state)
{
    const uint64_t hour = 3600000;
    struct web_values v = {.list = NULL};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(web_curve_print(&v, "t", 0, &b), -2);
    tell(&v, 0, "\"warm\"");
    assert_int_equal(web_curve_print(&v, "t", 0, &b), -2); /* no number */
    tell(&v, 1000, "20");
    tell(&v, 2000, "25.5");
    tell(&v, 3000, "21");
    expect_curve(&v, 3000, "[0,21,20,25.5]");
    tell(&v, 60000, "22");
    expect_curve(&v, 60000, "[3,21,20,25.5],[0,22,22,22]");
    expect_curve(&v, 100000, "[5,21,20,25.5],[2,22,22,22]");
    tell(&v, 60000, "1e999"); /* no number that can be drawn */
    expect_curve(&v, 60000, "[3,21,20,25.5],[0,22,22,22]");
    expect_curve(&v, hour + 20000, "[178,22,22,22]"); /* what is older than an hour is gone */
    expect_curve(&v, 3 * hour, "");
    tell(&v, 3 * hour, "5");
    expect_curve(&v, 3 * hour, "[0,5,5,5]");
    web_values_deinit(&v);
}

/* ---- traffic ---- */

static void expect_event(const char *params, const char *event)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    assert_int_equal(web_event_print(sp(params), &b), 0);
    assert_string_equal(ag_buf_cstr(&b), event);
}

static void test_events(void **state)
{
    (void) state;
    expect_event("{\"at\":5,\"kind\":\"command\",\"from\":0,\"to\":[1, 2],\"text\":{\"id\":1,\"method\":\"a\"}}",
                 "{\"at\":5,\"kind\":\"command\",\"from\":0,\"to\":[1,2],\"text\":\"{\\\"id\\\":1,\\\"method\\\":\\\"a\\\"}\"}");
    expect_event("{\"at\":5,\"kind\":\"report\",\"size\":70000}", "{\"at\":5,\"kind\":\"report\",\"size\":70000}");
    /* a line end inside would end the event of the stream */
    expect_event("{\"at\":5,\n\"text\":{\n}}", "{\"at\":5,\"text\":\"{\\n}\"}");
}

static void test_keys_are_not_shown(void **state)
{
    static const char *const methods[] = {"local.ble.config_router", "miIO.config_router", "_internal.x", "local\\u002eble.x",
                                          "miIO.config_router_safe"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(methods); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        char params[200];

        snprintf(params, sizeof params, "{\"at\":1,\"text\":{\"id\":1,\"method\":\"%s\",\"params\":{\"passwd\":\"geheim\"}}}",
                 methods[i]);
        assert_int_equal(web_event_print(sp(params), &b), 0);
        assert_null(strstr(ag_buf_cstr(&b), "geheim"));
        assert_non_null(strstr(ag_buf_cstr(&b), "\"hidden\":true"));
    }
}

static void test_a_long_text_is_cut_between_characters(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT, b = AG_BUF_INIT;

    (void) state;
    ag_buf_append_str(&params, "{\"at\":1,\"text\":{\"x\":\"");
    for (int i = 0; i < 2000; i++)
        ag_buf_append_str(&params, "\xe4\xbd\xa0");
    ag_buf_append_str(&params, "\"}}");
    assert_int_equal(web_event_print(ag_buf_span(&params), &b), 0);
    assert_true(ag_buf_size(&b) < WEB_TRAFFIC_TEXT_MAX + 100);
    assert_null(strstr(ag_buf_cstr(&b), "\xef\xbf\xbd"));
    assert_non_null(strstr(ag_buf_cstr(&b), "\"size\":6008"));
}

static void test_sampling(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_traffic t = {.on = true, .filter = "odd"};
    unsigned put = 0;

    (void) state;
    assert_int_equal(web_traffic_take(&t, &b), 0);
    for (int i = 0; i < 1000; i++)
        if (web_traffic_wants(&t, i % 2 ? sp("{\"m\":\"odd\"}") : sp("{\"m\":\"even\"}")))
            put += web_traffic_put(&t, sp("{}")) == 0;
    assert_int_equal(put, WEB_TRAFFIC_BEAT_MAX);
    assert_int_equal(t.left_out, 500 - WEB_TRAFFIC_BEAT_MAX);
    assert_int_equal(web_traffic_take(&t, &b), 1);
    assert_non_null(strstr(ag_buf_cstr(&b), "{\"left_out\":475,\"events\":[{},{}"));
    ag_buf_clear(&b);
    assert_int_equal(web_traffic_take(&t, &b), 0);
    assert_true(web_traffic_wants(&t, sp("odd"))); /* a new beat */
    t.on = false;
    assert_false(web_traffic_wants(&t, sp("odd")));
    web_traffic_deinit(&t);
}

static void test_own_polls(void **state)
{
    (void) state;
    assert_true(web_event_is_poll(
        sp("{\"kind\":\"request\",\"from\":7,\"to\":[0],\"text\":{\"id\":1,\"method\":\"client.status\",\"params\":[]}}"), 7));
    assert_true(web_event_is_poll(sp("{\"kind\":\"answer\",\"from\":0,\"to\":[7],\"text\":{\"id\":1,\"result\":{}}}"), 7));
    assert_false(web_event_is_poll(
        sp("{\"kind\":\"request\",\"from\":8,\"to\":[0],\"text\":{\"id\":1,\"method\":\"client.status\"}}"), 7));
    assert_false(
        web_event_is_poll(sp("{\"kind\":\"command\",\"from\":7,\"to\":[3],\"text\":{\"id\":1,\"method\":\"get_prop\"}}"), 7));
    assert_false(web_event_is_poll(sp("{\"kind\":\"answer\",\"from\":3,\"to\":[7],\"text\":{\"id\":1,\"result\":[]}}"), 7));
    assert_false(web_event_is_poll(sp("{\"kind\":\"answer\",\"from\":0,\"to\":[7],\"text\":{}}"), 0));
}

static void one_report(void *user)
{
    struct web_values v = {.list = NULL};
    struct web_traffic t = {.on = true};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, event = AG_BUF_INIT;

    (void) user;
    web_values_take(&v, 1, sp("{\"method\":\"props\",\"params\":{\"a\":1,\"b\":\"x\"}}"));
    web_values_take(&v, 2, sp("{\"method\":\"props\",\"params\":{\"a\":2}}"));
    web_values_print(&v, 0, &b);
    web_values_print_curves(&v, &b);
    web_curve_print(&v, "a", 2, &b);
    if (web_event_print(sp("{\"at\":1,\"text\":{\"method\":\"x\"}}"), &event) == 0)
        web_traffic_put(&t, ag_buf_span(&event));
    web_traffic_take(&t, &b);
    web_traffic_deinit(&t);
    web_values_deinit(&v);
}

static void test_without_memory(void **state)
{
    (void) state;
    alloc_fail_sweep(one_report, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_only_what_changed_is_told),
        cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_curve),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_keys_are_not_shown),
        cmocka_unit_test(test_a_long_text_is_cut_between_characters),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_own_polls),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
