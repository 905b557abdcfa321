/* SPDX-License-Identifier: MIT */
/* The small list of properties: what each type becomes at Home Assistant, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha_list/ha_discovery.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

static const struct ha_device D = {"homeassistant", "7", "a.b.v1", "a", "S", "C", "A"};

#define LIST(p) "{\"name\":\"Lamp\",\"properties\":[" p "]}"

static int keep(void *user, const char *topic, struct ag_span payload)
{
    struct ag_buf *out = user;
    struct ag_json_view view;

    assert_int_equal(ag_json_parse(&payload, 16, &view), 0);
    assert_int_equal(ag_buf_printf(out, "%s %.*s\n", topic, (int) payload.len, payload.p), 0);
    return 0;
}

static const struct {
    const char *list, *has; /* parts with '~' between; first a '!' for one that must not be there */
} good[] = {
    {LIST("{\"name\":\"on\",\"type\":\"switch\",\"set\":\"set_power\"}"),
     "homeassistant/switch/~value_json['on']~\"command_topic\":\"C\"~set_power~\"name\":\"Lamp\""},
    {LIST("{\"name\":\"on\",\"type\":\"switch\",\"set\":\"set_power\",\"on\":true,\"off\":false}"), "True~False"},
    {LIST("{\"name\":\"on\",\"type\":\"switch\",\"set\":\"set_power\",\"on\":1,\"off\":0}"),
     "\"state_on\":\"1\",\"state_off\":\"0\"~\\\"params\\\":[0]"},
    {LIST("{\"name\":\"a.b-c\",\"type\":\"number\",\"set\":\"set_n\",\"min\":1,\"max\":9,\"step\":0.5,\"unit\":\"%\"}"),
     "/number/~\"min\":1,~\"max\":9,~\"step\":0.5~value | tojson~a_b_c~value_json['a.b-c']"},
    {LIST("{\"name\":\"m\",\"type\":\"select\",\"set\":\"set_m\",\"options\":[\"a\",\"b\"]}"),
     "/select/~\"options\":[\"a\",\"b\"]"},
    {LIST("{\"name\":\"t\",\"type\":\"text\",\"set\":\"set_t\",\"max\":8,\"icon\":\"mdi:pen\",\"entity_category\":\"config\"}"),
     "/text/~\"max\":8~\"icon\":\"mdi:pen\"~\"entity_category\":\"config\""},
    {LIST(
         "{\"name\":\"s\",\"type\":\"sensor\",\"unit\":\"W\",\"device_class\":\"power\",\"force_update\":true,\"expire_after\":30}"),
     "/sensor/~\"unit_of_measurement\":\"W\"~\"device_class\":\"power\"~\"force_update\":true~\"expire_after\":30~!command_topic"},
    {LIST("{\"name\":\"b\",\"type\":\"binary_sensor\",\"entity_category\":\"diagnostic\",\"enabled_by_default\":false}"),
     "/binary_sensor/~\"enabled_by_default\":false"},
    {"{\"manufacturer\":\"M\",\"model\":\"X\",\"properties\":[{\"name\":\"b\",\"type\":\"sensor\",\"label\":\"Bee\"}]}",
     "\"manufacturer\":\"M\"~\"model\":\"X\"~\"name\":\"Bee\""},
};

static void each_type_becomes_its_message(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(good); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
        char why[160] = "", parts[512], *rest = parts, *part;
        struct ag_span list = {good[i].list, strlen(good[i].list)};

        if (ha_discovery_build(list, &D, keep, &out, why, sizeof why) != 0)
            fail_msg("%s: %s", good[i].list, why);
        snprintf(parts, sizeof parts, "%s", good[i].has);
        while ((part = strsep(&rest, "~"))) {
            bool unwanted = *part == '!';

            if (!strstr(ag_buf_cstr(&out), part + unwanted) != unwanted)
                fail_msg("%s%s in %s", unwanted ? "" : "no ", part + unwanted, ag_buf_cstr(&out));
        }
    }
}

static const struct {
    const char *list, *why;
} bad[] = {
    {"[]", "not a JSON object"},
    {"{}", "properties is not an array"},
    {"{\"properties\":[],\"extra\":1}", "unknown member \"extra\""},
    {"{\"properties\":[],\"name\":1}", "name, manufacturer and model must be strings"},
    {LIST("1"), "a property must be an object"},
    {LIST("{\"type\":\"switch\"}"), "a property's name must be a string of 1 to 64 bytes"},
    {LIST("{\"name\":\"\",\"type\":\"switch\"}"), "a property's name must be a string of 1 to 64 bytes"},
    {LIST("{\"name\":\"a b\",\"type\":\"switch\"}"), "a property's name may hold letters, digits, '_', '-' and '.' only"},
    {LIST("{\"name\":\"a\",\"type\":\"lamp\"}"), "type must be switch, binary_sensor, number, select, text or sensor"},
    {LIST("{\"name\":\"a\"}"), "type must be switch, binary_sensor, number, select, text or sensor"},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"colour\":1}"), "property a: unknown member \"colour\""},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"options\":[]}"), "property a: a sensor has no options"},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"unit\":7}"), "property a: unit must be a string"},
    {LIST("{\"name\":\"a\",\"type\":\"number\",\"set\":\"s\",\"min\":\"1\"}"), "property a: min must be a number"},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"force_update\":1}"), "property a: force_update must be true or false"},
    {LIST("{\"name\":\"a\",\"type\":\"select\",\"set\":\"s\",\"options\":1}"), "property a: options must be an array"},
    {LIST("{\"name\":\"a\",\"type\":\"select\",\"set\":\"s\"}"), "a select needs options, an array"},
    {LIST("{\"name\":\"a\",\"type\":\"select\",\"set\":\"s\",\"options\":[]}"), "a select needs options"},
    {LIST("{\"name\":\"a\",\"type\":\"select\",\"set\":\"s\",\"options\":[1]}"), "options must be strings"},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"entity_category\":\"config\"}"),
     "property a: entity_category must be diagnostic"},
    {LIST("{\"name\":\"a\",\"type\":\"text\",\"set\":\"s\",\"entity_category\":\"x\"}"),
     "property a: entity_category must be diagnostic or config"},
    {LIST("{\"name\":\"a\",\"type\":\"sensor\",\"icon\":\"pen\"}"), "property a: icon must be mdi:NAME"},
    {LIST("{\"name\":\"a\",\"type\":\"switch\"}"), "property a: needs \"set\", the method that sets it"},
    {LIST("{\"name\":\"a-b\",\"type\":\"sensor\"},{\"name\":\"a.b\",\"type\":\"sensor\"}"),
     "two properties have the same name, or differ in '-' and '.' only"},
};

static int never(void *user, const char *topic, struct ag_span payload)
{
    (void) user;
    (void) payload;
    fail_msg("%s is told although the list is refused", topic);
    return 0;
}

/* The whole list is looked at before anything is told. */
static void what_is_refused_is_told_by_its_name(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(bad); i++) {
        struct ag_span list = {bad[i].list, strlen(bad[i].list)};
        char why[160] = "";

        assert_int_equal(ha_discovery_build(list, &D, never, NULL, why, sizeof why), -EINVAL);
        if (strcmp(why, bad[i].why) != 0)
            fail_msg("%s: %s", bad[i].list, why);
    }
}

static void a_byte_order_mark_is_no_part_of_it(void **state)
{
    static const char list[] = "\xef\xbb\xbf" LIST("{\"name\":\"a\",\"type\":\"sensor\"}");
    char why[160] = "";

    (void) state;
    assert_int_equal(ha_discovery_build((struct ag_span){list, sizeof list - 1}, &D, NULL, NULL, why, sizeof why), 0);
}

static void there_is_a_bound(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf list = AG_BUF_INIT;
    char why[160] = "";

    (void) state;
    assert_int_equal(ag_buf_append_str(&list, "{\"properties\":["), 0);
    for (unsigned i = 0; i < HA_ENTITIES_MAX; i++)
        assert_int_equal(ag_buf_printf(&list, "%s{\"name\":\"p%u\",\"type\":\"sensor\"}", i > 0 ? "," : "", i), 0);
    assert_int_equal(ag_buf_append_str(&list, "]}"), 0);
    assert_int_equal(ha_discovery_build(ag_buf_span(&list), &D, NULL, NULL, why, sizeof why), 0);
    list.len -= 2;
    assert_int_equal(ag_buf_append_str(&list, ",{\"name\":\"p\",\"type\":\"sensor\"}]}"), 0);
    assert_int_equal(ha_discovery_build(ag_buf_span(&list), &D, never, NULL, why, sizeof why), -EINVAL);
    assert_string_equal(why, "more than 256 properties");
}

static int stop(void *user, const char *topic, struct ag_span payload)
{
    (void) topic;
    (void) payload;
    return ++*(int *) user == 2 ? -ENOBUFS : 0;
}

static void who_takes_the_messages_may_stop(void **state)
{
    int n = 0;
    char why[160] = "";

    (void) state;
    assert_int_equal(ha_discovery_build(AG_SPAN(LIST("{\"name\":\"a\",\"type\":\"sensor\"},{\"name\":\"b\",\"type\":\"sensor\"},"
                                                     "{\"name\":\"c\",\"type\":\"sensor\"}")),
                                        &D, stop, &n, why, sizeof why),
                     -ENOBUFS);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_it),  cmocka_unit_test(each_type_becomes_its_message),
        cmocka_unit_test(what_is_refused_is_told_by_its_name), cmocka_unit_test(there_is_a_bound),
        cmocka_unit_test(who_takes_the_messages_may_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
