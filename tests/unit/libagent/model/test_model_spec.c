/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/buf.h"
#include "libagent/model/core/number.h"
#include "libagent/model/core/spec.h"
#include "tests/support/alloc_fail.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static char *read_file(const char *name, size_t *n)
{
    char path[4096], *text = malloc(MODEL_TEXT_MAX);
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", MODEL_DATA, name);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(text);
    *n = fread(text, 1, MODEL_TEXT_MAX, f);
    fclose(f);
    return text;
}

static void load(struct model *m, const char *name)
{
    struct model_error error;
    size_t n;
    char *text = read_file(name, &n);

    if (ag_model_parse(m, (struct ag_span){text, n}, &error) != 0)
        fail_msg("%s:%u: %s", name, error.line, error.why);
    free(text);
}

/* ---- real instances ---- */

static void a_real_instance_is_read_whole(void **state)
{
    struct model m;
    const struct model_prop *p;

    (void) state;
    load(&m, "air-purifier.json");
    assert_int_equal(m.n_services, 8);
    assert_int_equal(m.n_actions, 3);
    assert_int_equal(m.n_events, 3);
    assert_string_equal(model_str(&m, m.type), "air-purifier");
    assert_string_equal(model_str(&m, m.device_model), "zhimi-rmb1");
    p = ag_model_find_prop(&m, 3, 4);
    assert_non_null(p);
    assert_string_equal(model_str(&m, p->path), "environment.pm2.5-density");
    assert_string_equal(model_str(&m, p->unit), "μg/m3");
    assert_int_equal(p->format, MODEL_UINT16);
    assert_int_equal(p->access, MODEL_READ | MODEL_NOTIFY);
    assert_int_equal(p->max, 600);
    p = ag_model_find_prop(&m, 3, 7);
    assert_true(ag_model_number_double(p->step, p->scale) == 0.1);
    assert_true(ag_model_number_double(p->min, p->scale) == -30);
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 2, 1)->unit), ""); /* "none" is none */
    assert_int_equal(ag_model_find_prop(&m, 2, 2)->n_choices, 3);
    assert_int_equal(ag_model_find_action(&m, 4, 1)->n_in, 1);
    assert_ptr_equal(&m.props[m.args[ag_model_find_action(&m, 4, 1)->first_in]], ag_model_find_prop(&m, 4, 3));
    assert_non_null(ag_model_find_event(&m, 9, 5));
    assert_null(ag_model_find_event(&m, 9, 4));
    assert_null(ag_model_find_prop(&m, 5, 1));
    assert_null(ag_model_find_prop(&m, 2, 3));
    assert_null(ag_model_find_prop(&m, 2, 65537));
    assert_null(ag_model_find_action(&m, 9, 70000));
    ag_model_deinit(&m);
}

static void every_part_has_one_path_that_finds_it(void **state)
{
    static const char *const files[] = {"air-purifier.json", "bath-heater.json", "thermostat.json"};
    struct model m;
    char numeric[16];

    (void) state;
    for (size_t f = 0; f < ag_array_size(files); f++) {
        load(&m, files[f]);
        for (uint32_t i = 0; i < m.n_props; i++) {
            snprintf(numeric, sizeof numeric, "%u.%u", model_prop_siid(&m, &m.props[i]), m.props[i].iid);
            assert_ptr_equal(ag_model_name_prop(&m, numeric), &m.props[i]);
            assert_ptr_equal(ag_model_name_prop(&m, model_str(&m, m.props[i].path)), &m.props[i]);
        }
        for (uint32_t i = 0; i < m.n_actions; i++)
            assert_ptr_equal(ag_model_name_action(&m, model_str(&m, m.actions[i].path)), &m.actions[i]);
        for (uint32_t i = 0; i < m.n_events; i++)
            assert_ptr_equal(ag_model_name_event(&m, model_str(&m, m.events[i].path)), &m.events[i]);
        ag_model_deinit(&m);
    }
}

static void equal_names_are_told_apart_by_iid(void **state)
{
    struct model m;

    (void) state;
    load(&m, "thermostat.json");
    assert_int_equal(ag_model_name_prop(&m, "thermostat.on")->iid, 3);
    assert_int_equal(ag_model_name_prop(&m, "thermostat.on@9")->iid, 9);
    assert_int_equal(ag_model_name_prop(&m, "thermostat.on@10")->iid, 10);
    assert_null(ag_model_name_prop(&m, "thermostat.on@3"));
    assert_int_equal(ag_model_name_prop(&m, "thermostat.fan-level")->iid, 2);
    assert_int_equal(ag_model_name_prop(&m, "thermostat.target-temperature@8")->iid, 8);
    assert_int_equal(ag_model_name_event(&m, "function.time")->iid, 1);
    assert_null(ag_model_name_prop(&m, "on"));
    assert_null(ag_model_name_prop(&m, ""));
    assert_null(ag_model_name_prop(&m, "2."));
    assert_null(ag_model_name_prop(&m, "99999999999.1"));
    ag_model_deinit(&m);
}

/* ---- made-up instances ---- */

#define URN(kind, name)            "\"type\":\"urn:miot-spec-v2:" kind ":" name ":00000001:a-b:1\""
#define PROP(iid, name, more)      "{\"iid\":" #iid "," URN("property", name) ",\"access\":[\"read\",\"write\",\"notify\"]," more "}"
#define SERVICE(iid, name, inside) "{\"iid\":" #iid "," URN("service", name) "," inside "}"
#define INSTANCE(services)         "{" URN("device", "lamp") ",\"services\":[" services "]}"
#define ONE(prop)                  INSTANCE(SERVICE(2, "light", "\"properties\":[" prop "]"))
#define BOOL                       "\"format\":\"bool\""

static const char *parse_error(const char *text)
{
    static struct model_error error;
    struct model m;
    int r = ag_model_parse(&m, span(text), &error);

    if (r == 0) {
        ag_model_deinit(&m);
        return "";
    }
    assert_int_equal(r, -EINVAL);
    assert_true(error.why[0] != '\0');
    return error.why;
}

static void a_byte_order_mark_is_no_part_of_it(void **state)
{
    (void) state;
    assert_string_equal(parse_error("\xef\xbb\xbf" INSTANCE(SERVICE(2, "light", "\"properties\":[" PROP(1, "on", BOOL) "]"))),
                        "");
}

static void what_cannot_be_right_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not one JSON object"},
        {"[]", "not one JSON object"},
        {"{\"a\":\"\xff\"}", "not UTF-8"},
        {"{}", "without type"},
        {"{\"type\":5,\"services\":[]}", "not a string"},
        {"{\"type\":\"lamp\",\"services\":[]}", "is not a URN"},
        {"{\"type\":\"urn::device:lamp:00000001:a:1\",\"services\":[]}", "no namespace"},
        {"{\"type\":\"urn:x:service:lamp:00000001:a:1\",\"services\":[]}", "another kind"},
        {"{\"type\":\"urn:x:device::00000001:a:1\",\"services\":[]}", "no usable name"},
        {"{\"type\":\"urn:x:device:a b:00000001:a:1\",\"services\":[]}", "no usable name"},
        {"{\"type\":\"urn:x:device:a@2:00000001:a:1\",\"services\":[]}", "no usable name"},
        {"{\"type\":\"urn:x:device:lamp:1:a:1\",\"services\":[]}", "hex digits"},
        {"{\"type\":\"urn:x:device:lamp\\u0000:00000001:a:1\",\"services\":[]}", "NUL"},
        {"{\"type\":\"urn:x:device:\\ud800:00000001:a:1\",\"services\":[]}", "surrogate"},
        {"{" URN("device", "lamp") "}", "without services"},
        {"{" URN("device", "lamp") ",\"services\":{}}", "services is not an array"},
        {INSTANCE(""), "services is empty"},
        {INSTANCE("5"), "not an object"},
        {INSTANCE("{" URN("service", "light") "}"), "service without iid"},
        {INSTANCE("{\"iid\":0," URN("service", "light") "}"), "not a number from 1 to 65535"},
        {INSTANCE("{\"iid\":65536," URN("service", "light") "}"), "not a number from 1 to 65535"},
        {INSTANCE("{\"iid\":\"2\"," URN("service", "light") "}"), "not a number from 1 to 65535"},
        {INSTANCE("{\"iid\":2}"), "service without type"},
        {INSTANCE(SERVICE(2, "a", "\"x\":1") "," SERVICE(2, "b", "\"x\":1")), "two services have the iid 2"},
        {INSTANCE(SERVICE(2, "a", "\"properties\":{}")), "properties is not an array"},
        {ONE(PROP(1, "on", BOOL) "," PROP(1, "off", BOOL)), "two properties of service 2 have the iid 1"},
        {ONE(PROP(1, "on", "\"x\":1")), "without format"},
        {ONE(PROP(1, "on", "\"format\":\"boolean\"")), "\"boolean\" is not known"},
        {ONE(PROP(1, "on", "\"format\":1")), "1 is not known"},
        {ONE("{\"iid\":1," URN("property", "on") "," BOOL "}"), "without access"},
        {ONE("{\"iid\":1," URN("property", "on") "," BOOL ",\"access\":\"read\"}"), "access is not an array"},
        {ONE("{\"iid\":1," URN("property", "on") "," BOOL ",\"access\":[\"raed\"]}"), "access knows"},
        {ONE(PROP(1, "on", BOOL ",\"unit\":7")), "unit is not a string"},
        {ONE(PROP(1, "on", BOOL ",\"value-range\":[0,1,1]")), "for format bool"},
        {ONE(PROP(1, "on", "\"format\":\"string\",\"value-list\":[]")), "for format string"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[0,1]")), "not [min, max, step]"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":{\"a\":1,\"b\":2,\"c\":3}")), "not [min, max, step]"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[0,\"9\",1]")), "not a number"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[9,1,1]")), "begins above its end"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[1,9,-1]")), "negative step"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[0,256,1]")), "exceeds its format uint8"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[-1,25,1]")), "exceeds its format uint8"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[0,10,0.5]")), "0.5 is not a whole number"},
        {ONE(PROP(1, "a", "\"format\":\"int64\",\"value-range\":[0,1e30,1]")), "too large"},
        {ONE(PROP(1, "a", "\"format\":\"float\",\"value-range\":[0,1,0.0000000001]")), "more than 9 decimals"},
        {ONE(PROP(1, "a", "\"format\":\"float\",\"value-range\":[0,1e30,1]")), "too large"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":{}")), "not an array"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[1]")), "without a number"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[{\"value\":\"1\"}]")), "without a number"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[{\"value\":1.5}]")), "not a whole number"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[{\"value\":300}]")), "exceeds its format"},
        {ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[{\"value\":1},{\"value\":1.0}]")), "twice"},
        {ONE(PROP(1, "a", "\"format\":\"string\",\"max-length\":-1")), "max-length"},
        {INSTANCE(SERVICE(2, "a", "\"actions\":[{\"iid\":1," URN("action", "go") ",\"in\":[1]}]")), "names property 1"},
        {INSTANCE(SERVICE(2, "a", "\"actions\":[{\"iid\":1," URN("action", "go") ",\"in\":1}]")), "in is not an array"},
        {INSTANCE(SERVICE(2, "a", "\"actions\":[{\"iid\":1," URN("action", "go") ",\"out\":[\"x\"]}]")), "not an iid"},
        {INSTANCE(SERVICE(2, "a", "\"actions\":[{\"iid\":1," URN("event", "go") "}]")), "another kind"},
        {INSTANCE(SERVICE(2, "a", "\"events\":[{\"iid\":1," URN("event", "go") "},{\"iid\":1," URN("event", "gone") "}]")),
         "two events of service 2 have the iid 1"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (!strstr(parse_error(rows[i].text), rows[i].why))
            fail_msg("%s: \"%s\", wanted \"%s\"", rows[i].text, parse_error(rows[i].text), rows[i].why);
}

static void what_the_field_shows_is_taken(void **state)
{
    static const char *const rows[] = {
        ONE(PROP(1, "on", BOOL ",\"comment\":{\"a\":[1,{}]},\"source\":1,\"gatt-access\":[],\"shortUUID\":\"x\"")),
        ONE("{\"iid\":65535," URN("property", "on") "," BOOL ",\"access\":[]}"),
        ONE("{\"iid\":1,\"type\":\"urn:acme-spec:property:on:00000006\"," BOOL ",\"access\":[]}"),
        ONE("{\"iid\":1,\"type\":\"urn:acme-spec:property:on:00000006:a-b:1:0000C801\"," BOOL ",\"access\":[]}"),
        ONE(PROP(1, "on", BOOL ",\"description\":null,\"unit\":null,\"value-list\":null")),
        ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-list\":[]")),
        ONE(PROP(
            1, "a",
            "\"format\":\"uint8\",\"value-list\":[{\"value\":1,\"description\":\"x\"},{\"value\":2,\"description\":\"x\"},{\"value\":3}]")),
        ONE(PROP(1, "a", "\"format\":\"uint32\",\"value-range\":[0,4294967295,1]")),
        ONE(PROP(1, "a", "\"format\":\"uint8\",\"value-range\":[0,100,0]")),
        ONE(PROP(1, "a", "\"format\":\"none\"")),
        ONE(PROP(1, "a", "\"format\":\"hex\",\"max-length\":8")),
        ONE(PROP(1, "a", "\"format\":\"uint64\",\"unit\":\"parsec\"")),
        ONE(PROP(9, "b", BOOL) "," PROP(1, "a", BOOL)),
        ONE(PROP(1, "\\u6e29\\u5ea6", BOOL)),
        INSTANCE(SERVICE(65535, "a", "\"properties\":null,\"actions\":[],\"events\":[]")),
        INSTANCE(SERVICE(2, "a", "\"actions\":[{\"iid\":1," URN("action", "go") ",\"in\":[],\"out\":[]}]")),
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (parse_error(rows[i])[0])
            fail_msg("%s: %s", rows[i], parse_error(rows[i]));
}

static void an_error_names_its_line(void **state)
{
    static const char text[] = "{" URN("device", "lamp") ",\n\"services\":[\n{\"iid\":2,\n" URN(
        "service", "light") ",\n\"properties\":[\n{\"iid\":70000}]}]}";
    struct model_error error;
    struct model m;

    (void) state;
    assert_int_equal(ag_model_parse(&m, span(text), &error), -EINVAL);
    assert_int_equal(error.line, 6);
    assert_non_null(strstr(error.why, "iid of a property"));
}

static void a_name_says_the_same_when_more_is_added(void **state)
{
    static const char before[] = INSTANCE(SERVICE(4, "light", "\"properties\":[" PROP(2, "on", BOOL) "]"));
    static const char after[] = INSTANCE(SERVICE(7, "light", "\"properties\":[" PROP(2, "on", BOOL) "]") "," SERVICE(
        4, "light", "\"properties\":[" PROP(5, "on", BOOL) "," PROP(2, "on", BOOL) "]"));
    struct model_error error;
    struct model m;

    (void) state;
    assert_int_equal(ag_model_parse(&m, span(before), &error), 0);
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 4, 2)->path), "light.on");
    ag_model_deinit(&m);
    assert_int_equal(ag_model_parse(&m, span(after), &error), 0);
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 4, 2)->path), "light.on");
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 4, 5)->path), "light.on@5");
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 7, 2)->path), "light@7.on");
    ag_model_deinit(&m);
}

static void dots_in_names_make_no_two_equal_paths(void **state)
{
    static const char text[] =
        INSTANCE(SERVICE(2, "a", "\"properties\":[" PROP(1, "b.c", BOOL) "," PROP(4, "b.c", BOOL) "]") "," SERVICE(
            3, "a.b", "\"properties\":[" PROP(1, "c", BOOL) "," PROP(4, "c", BOOL) "]") "," SERVICE(4, "2",
                                                                                                    "\"properties\":[" PROP(
                                                                                                        9, "1", BOOL) "]"));
    struct model_error error;
    struct model m;

    (void) state;
    assert_int_equal(ag_model_parse(&m, span(text), &error), 0);
    for (uint32_t i = 0; i < m.n_props; i++)
        assert_ptr_equal(ag_model_name_prop(&m, model_str(&m, m.props[i].path)), &m.props[i]);
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 3, 1)->path), "3.1");
    assert_string_equal(model_str(&m, ag_model_find_prop(&m, 4, 9)->path), "4.9");
    assert_int_equal(model_prop_siid(&m, ag_model_name_prop(&m, "2.1")), 2);
    ag_model_deinit(&m);
}

/* A vacuum's instance has some 300 properties. */
static char *large_instance(unsigned n)
{
    struct ag_buf b = AG_BUF_INIT;

    assert_int_equal(ag_buf_append_str(&b, "{" URN("device", "vacuum") ",\"services\":["), 0);
    for (unsigned i = 0; i < n; i++) {
        if (i % 30 == 0)
            assert_int_equal(
                ag_buf_printf(&b,
                              "%s{\"iid\":%u," URN("service", "sweep-%u") ",\"description\":\"Robot Cleaner\",\"properties\":[",
                              i ? "]}," : "", i / 30 + 2, i / 30),
                0);
        assert_int_equal(
            ag_buf_printf(
                &b,
                "%s{\"iid\":%u," URN(
                    "property", "some-long-name-%u") ",\"description\":\"The property %u\",\"format\":\"uint8\","
                                                     "\"access\":[\"read\"],\"unit\":\"percentage\",\"value-range\":[0,100,1]}",
                i % 30 ? "," : "", i % 30 + 1, i, i),
            0);
    }
    assert_int_equal(ag_buf_append_str(&b, "]}]}"), 0);
    return ag_buf_steal_cstr(&b);
}

static void three_hundred_properties_take_at_most_64_kib(void **state)
{
    struct model_error error;
    struct model m;
    char *text = large_instance(300);
    size_t bytes;

    (void) state;
    assert_int_equal(ag_model_parse(&m, span(text), &error), 0);
    bytes = m.text_len + m.n_props * sizeof *m.props + m.n_services * sizeof *m.services;
    if (bytes > 64 * 1024)
        fail_msg("%zu bytes", bytes);
    ag_model_deinit(&m);
    free(text);
}

static void more_than_a_mebibyte_is_refused(void **state)
{
    char *text = calloc(1, MODEL_TEXT_MAX + 1);
    struct model_error error;
    struct model m;

    (void) state;
    assert_non_null(text);
    assert_int_equal(ag_model_parse(&m, (struct ag_span){text, MODEL_TEXT_MAX + 1}, &error), -EFBIG);
    assert_non_null(strstr(error.why, "longer than"));
    free(text);
}

static void sweep(void *user)
{
    struct ag_span *text = user;
    struct model_error error;
    struct model m;
    int r = ag_model_parse(&m, *text, &error);

    assert_true(r == 0 || r == -ENOMEM);
    if (r == 0)
        ag_model_deinit(&m);
}

static void every_allocation_may_fail(void **state)
{
    size_t n;
    char *text = read_file("thermostat.json", &n);
    struct ag_span s = {text, n};

    (void) state;
    alloc_fail_sweep(sweep, &s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_instance_is_read_whole),
        cmocka_unit_test(every_part_has_one_path_that_finds_it),
        cmocka_unit_test(equal_names_are_told_apart_by_iid),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_it),
        cmocka_unit_test(what_cannot_be_right_is_refused),
        cmocka_unit_test(what_the_field_shows_is_taken),
        cmocka_unit_test(an_error_names_its_line),
        cmocka_unit_test(a_name_says_the_same_when_more_is_added),
        cmocka_unit_test(dots_in_names_make_no_two_equal_paths),
        cmocka_unit_test(three_hundred_properties_take_at_most_64_kib),
        cmocka_unit_test(more_than_a_mebibyte_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
