/* SPDX-License-Identifier: MIT */
/* Small cores of the MQTT side: the state object, the channels, discovery under short memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include "client/cloud/mqtt/core/ha/ha_choice.h"
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"
#include "client/local/core/mqtt_channel.h"
#include "client/cloud/mqtt/core/prop_state.h"
#include "libagent/core/json/json_iter.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static const struct {
    const char *report;
    int changed;
    const char *state;
} rows[] = {
    {"{\"method\":\"props\",\"params\":{\"power\":\"on\",\"n\":1}}", 1, "{\"power\":\"on\",\"n\":1}"},
    {"{\"method\":\"props\",\"params\":{\"power\":\"on\"}}", 0, "{\"power\":\"on\",\"n\":1}"},
    {"{\"method\":\"prop.n\",\"params\":[2,3]}", 1, "{\"power\":\"on\",\"n\":3}"},
    {"{\"method\":\"prop.n\",\"params\":[]}", 0, "{\"power\":\"on\",\"n\":3}"},
    {"{\"method\":\"properties_changed\",\"params\":[{\"siid\":2,\"piid\":1,\"value\":{\"a\":1}},{\"siid\":2}]}", 1,
     "{\"power\":\"on\",\"n\":3,\"2.1\":{\"a\":1}}"},
    {"{\"method\":\"properties_changed\",\"params\":[{\"siid\":\"2\",\"piid\":1,\"value\":9},{\"siid\":2.5,\"piid\":1,\"value\":9}]}",
     0, "{\"power\":\"on\",\"n\":3,\"2.1\":{\"a\":1}}"},
    {"{\"method\":\"event.x\",\"params\":[1]}", 0, "{\"power\":\"on\",\"n\":3,\"2.1\":{\"a\":1}}"},
    {"{\"method\":\"props\",\"params\":[1]}", 0, "{\"power\":\"on\",\"n\":3,\"2.1\":{\"a\":1}}"},
    {"{\"method\":\"props\"}", 0, "{\"power\":\"on\",\"n\":3,\"2.1\":{\"a\":1}}"},
};

static void the_state_holds_the_last_values(void **state)
{
    struct prop_state s = {0};

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

        assert_int_equal(prop_state_take(&s, span(rows[i].report)), rows[i].changed);
        assert_int_equal(prop_state_print(&s, &b), 0);
        assert_string_equal(ag_buf_cstr(&b), rows[i].state);
    }
    prop_state_deinit(&s);
}

static void the_state_has_a_bound(void **state)
{
    struct prop_state s = {0};
    int r = 1;
    unsigned n = 0;

    (void) state;
    while (r == 1) {
        char text[80];

        snprintf(text, sizeof text, "{\"method\":\"props\",\"params\":{\"p%u\":1}}", n++);
        r = prop_state_take(&s, span(text));
    }
    assert_int_equal(r, -ENOBUFS);
    assert_int_equal(n, PROP_STATE_NAMES_MAX + 1);
    prop_state_deinit(&s);
}

static void the_state_of_an_earlier_run_gives_way(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct prop_state s = {0};

    (void) state;
    assert_int_equal(prop_state_restore(&s, span("{\"a\":1,\"b\":{\"c\":[2]}}")), 1);
    assert_int_equal(prop_state_take(&s, span("{\"method\":\"props\",\"params\":{\"a\":2}}")), 1);
    assert_int_equal(prop_state_restore(&s, span("{\"a\":1,\"b\":3}")), 0);
    assert_int_equal(prop_state_restore(&s, span("{\"a\":1,\"d\":null}")), 1);
    assert_int_equal(prop_state_restore(&s, span("")), 0);
    assert_int_equal(prop_state_restore(&s, span("[1]")), 0);
    assert_int_equal(prop_state_restore(&s, span("{\"x\":")), 0);
    assert_int_equal(prop_state_print(&s, &b), 0);
    assert_string_equal(ag_buf_cstr(&b), "{\"a\":2,\"b\":{\"c\":[2]},\"d\":null}");
    prop_state_deinit(&s);
}

static const struct {
    const char *list;
    bool miot;
    const char *texts, *map, *turned;
} choices[] = {
    {"[\"a\",\"b\",\"a\"]", false, "a|b|", "{'a':'a','b':'b'}", "{'a':'a','b':'b'}"},
    {"[\"NONE\",\"\",\" x \",\"x\"]", false, "NONE (NONE)|(empty)|x (x)|x (x) (x)|",
     "{'NONE':'NONE \\u0028NONE\\u0029','':'\\u0028empty\\u0029',' x ':'x \\u0028x\\u0029','x':'x \\u0028x\\u0029 \\u0028x\\u0029'}",
     "{'NONE \\u0028NONE\\u0029':'NONE','\\u0028empty\\u0029':'','x \\u0028x\\u0029':' x ','x \\u0028x\\u0029 \\u0028x\\u0029':'x'}"},
    {"[{\"value\":0,\"description\":\"On\"},{\"value\":1,\"description\":\"On\"},{\"value\":2,\"description\":\"\"}]", true,
     "On (0)|On (1)|2|", "{0:'On \\u00280\\u0029',1:'On \\u00281\\u0029',2:'2'}",
     "{'On \\u00280\\u0029':0,'On \\u00281\\u0029':1,'2':2}"},
    {"[{\"value\":1,\"description\":\"A (2)\"},{\"value\":2,\"description\":\"A\"},{\"value\":3,\"description\":\"A\"}]", true,
     "A (2)|A (2) (2)|A (3)|", NULL, NULL},
    {"[\"\\u00e4\\ud83d\\ude00'\\n{\"]", false, "\xc3\xa4\xf0\x9f\x98\x80' {|",
     "{'\\u00e4\\U0001f600\\u0027\\u000a\\u007b':'\\u00e4\\U0001f600\\u0027 \\u007b'}", NULL},
};

/* Strings as the small list has them; a value-list by its pairs. */
static int read_choices(struct ha_choices *c, const char *list, bool miot)
{
    struct ag_json_iter it = ag_json_iter_begin(span(list));
    struct ag_span item;
    int r = 0;

    if (!miot)
        return ha_choices_read(c, span(list));
    while (r == 0 && ag_json_iter_item(&it, &item)) {
        struct ag_span text = ag_json_get(item, "description");

        r = ha_choices_add(c, ag_json_get(item, "value"), (struct ag_span){text.p + 1, text.len - 2});
    }
    return r == 0 ? ha_choices_tell_apart(c) : r;
}

static void choices_are_told_apart(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(choices); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf texts = AG_BUF_INIT, map = AG_BUF_INIT, turned = AG_BUF_INIT;
        ag_cleanup(ha_choices_deinit) struct ha_choices c = {.n = 0};

        assert_int_equal(read_choices(&c, choices[i].list, choices[i].miot), 0);
        for (unsigned k = 0; k < c.n; k++)
            assert_int_equal(ag_buf_printf(&texts, "%s|", ag_buf_cstr(&c.all[k].text)), 0);
        assert_string_equal(ag_buf_cstr(&texts), choices[i].texts);
        assert_int_equal(ha_choices_map(&c, &map, false), 0);
        if (choices[i].map)
            assert_string_equal(ag_buf_cstr(&map), choices[i].map);
        assert_int_equal(ha_choices_map(&c, &turned, true), 0);
        if (choices[i].turned)
            assert_string_equal(ag_buf_cstr(&turned), choices[i].turned);
    }
}

static void texts_find_their_channel(void **state)
{
    static const struct {
        const char *text;
        bool answering;
        const char *topic;
    } texts[] = {
        {"{\"id\":1,\"method\":\"set_power\"}", false, "miio/command"},
        {"{\"method\":\"local.status\",\"params\":\"x\"}", false, "miio/command"},
        {"{\"id\":1,\"result\":[\"ok\"]}", false, "miio/report_ack"},
        {"{\"id\":1,\"method\":\"local.time\",\"params\":1}", true, "local/miio_client_out"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        struct ag_span text = span(texts[i].text);
        struct ag_json_view view;

        assert_int_equal(ag_json_parse(&text, 8, &view), 0);
        assert_string_equal(mqtt_channel_topic(mqtt_channel_choose(&view, texts[i].answering)), texts[i].topic);
        assert_int_equal(mqtt_channel_fits(MQTT_CHANNEL_REPORT, &view), ag_view_has(&view, AG_M_METHOD));
    }
    assert_int_equal(mqtt_channel_find("miio/report"), MQTT_CHANNEL_REPORT);
    assert_int_equal(mqtt_channel_find("miio/command_ack"), MQTT_CHANNEL_COMMAND_ACK);
    assert_int_equal(mqtt_channel_find("local/miio_client_in"), MQTT_CHANNEL_LOCAL_IN);
    assert_int_equal(mqtt_channel_find("miio/command"), MQTT_CHANNEL_N_IN); /* we would hear ourselves */
}

static int count(void *user, const char *topic, struct ag_span payload)
{
    (void) topic;
    (void) payload;
    ++*(int *) user;
    return 0;
}

static const char LIST[] = "{\"properties\":[{\"name\":\"power\",\"type\":\"switch\",\"set\":\"set_power\"},"
                           "{\"name\":\"mode\",\"type\":\"select\",\"options\":[\"a\",\"None\"],\"set\":\"m\","
                           "\"label\":\"power\"}]}";

static void everything_once(void *user)
{
    static const struct ha_device d = {"ha", "1", "m", "v", "s", "c", "st"};
    struct prop_state s = {0};
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char why[160];
    int n = 0;

    (void) user;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        prop_state_take(&s, span(rows[i].report));
    prop_state_restore(&s, span("{\"old\":1}"));
    prop_state_print(&s, &b);
    prop_state_deinit(&s);
    if (ha_discovery_build(span(LIST), &d, count, &n, why, sizeof why) == 0)
        assert_int_equal(n, 2);
}

static void short_memory_leaves_nothing_behind(void **state)
{
    (void) state;
    alloc_fail_sweep(everything_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_holds_the_last_values),
        cmocka_unit_test(the_state_has_a_bound),
        cmocka_unit_test(the_state_of_an_earlier_run_gives_way),
        cmocka_unit_test(choices_are_told_apart),
        cmocka_unit_test(texts_find_their_channel),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
