/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>
#include "libagent/model/core/number.h"
#include "libagent/model/core/value.h"
#include "libagent/model/text.h"
#include "tests/support/alloc_fail.h"

struct row {
    const char *property; /* format and limits */
    const char *value;
    enum model_fault fault;
    const char *text; /* what the application gets; NULL: the value as it came */
};

static const struct row rows[] = {
    {"\"format\":\"bool\"", "true", MODEL_FINE, NULL},
    {"\"format\":\"bool\"", "false", MODEL_FINE, NULL},
    {"\"format\":\"bool\"", "1", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"bool\"", "\"on\"", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"bool\"", "null", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "0", MODEL_FINE, "0"},
    {"\"format\":\"uint8\"", "255", MODEL_FINE, "255"},
    {"\"format\":\"uint8\"", "256", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint8\"", "-1", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint8\"", "50.0", MODEL_FINE, "50"},
    {"\"format\":\"uint8\"", "5e1", MODEL_FINE, "50"},
    {"\"format\":\"uint8\"", "50.5", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "\"50\"", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "true", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "[50]", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "{}", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\"", "1e99999", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"int8\"", "-128", MODEL_FINE, "-128"},
    {"\"format\":\"int8\"", "-129", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint32\",\"value-range\":[0,4294967295,1]", "4294967295", MODEL_FINE, "4294967295"},
    {"\"format\":\"uint32\",\"value-range\":[0,4294967295,1]", "4294967296", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"int64\"", "-9223372036854775808", MODEL_FINE, "-9223372036854775808"},
    {"\"format\":\"int64\"", "9223372036854775808", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint64\"", "9223372036854775807", MODEL_FINE, "9223372036854775807"},
    {"\"format\":\"uint8\",\"value-range\":[1,100,1]", "0", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint8\",\"value-range\":[1,100,1]", "101", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"uint8\",\"value-range\":[5,95,10]", "15", MODEL_FINE, "15"},
    {"\"format\":\"uint8\",\"value-range\":[5,95,10]", "10", MODEL_OFF_STEP, NULL},
    {"\"format\":\"uint8\",\"value-range\":[0,10,3]", "10", MODEL_OFF_STEP, NULL},
    {"\"format\":\"uint8\",\"value-range\":[0,10,0]", "7", MODEL_FINE, "7"},
    {"\"format\":\"int32\",\"value-range\":[-2147483648,2147483647,1]", "-2147483648", MODEL_FINE, "-2147483648"},
    {"\"format\":\"int64\",\"value-range\":[-9223372036854775808,9223372036854775807,1]", "9223372036854775807", MODEL_FINE,
     "9223372036854775807"},
    {"\"format\":\"uint16\",\"value-range\":[2700,6500,100]", "2750", MODEL_OFF_STEP, NULL},
    /* decimals are exact: no value of the grid is refused, none between is taken */
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "21.3", MODEL_FINE, "21.3"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "0.3", MODEL_FINE, "0.3"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "-29.9", MODEL_FINE, "-29.9"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "2.13e1", MODEL_FINE, "21.3"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "100", MODEL_FINE, "100"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "100.1", MODEL_OUT_OF_RANGE, NULL},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "21.35", MODEL_OFF_STEP, NULL},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "21.301", MODEL_OFF_STEP, NULL},
    /* what a 32-bit or 64-bit float makes of 21.3 is 21.3 */
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "21.299999237060547", MODEL_FINE, "21.3"},
    {"\"format\":\"float\",\"value-range\":[-30,100,0.1]", "21.300000000000001", MODEL_FINE, "21.3"},
    {"\"format\":\"float\",\"value-range\":[0,0.3,0.1]", "0.30000001192092896", MODEL_FINE, "0.3"},
    {"\"format\":\"float\",\"value-range\":[0.3,1,0.1]", "0.29999998", MODEL_FINE, "0.3"},
    {"\"format\":\"float\",\"value-range\":[0,4294967295,0.5]", "4294967294.5", MODEL_FINE, "4294967294.5"},
    {"\"format\":\"float\",\"value-range\":[0,1,0.000000001]", "0.123456789", MODEL_FINE, "0.123456789"},
    {"\"format\":\"float\"", "1.5", MODEL_FINE, "1.5"},
    {"\"format\":\"float\"", "1e300", MODEL_FINE, "1e300"},
    {"\"format\":\"float\"", "\"1.5\"", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\",\"value-list\":[{\"value\":0},{\"value\":2}]", "2", MODEL_FINE, "2"},
    {"\"format\":\"uint8\",\"value-list\":[{\"value\":0},{\"value\":2}]", "1", MODEL_NOT_IN_LIST, NULL},
    {"\"format\":\"uint8\",\"value-list\":[{\"value\":0},{\"value\":2}]", "2.0", MODEL_FINE, "2"},
    {"\"format\":\"uint8\",\"value-list\":[{\"value\":0},{\"value\":2}]", "\"2\"", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"uint8\",\"value-range\":[0,9,1],\"value-list\":[{\"value\":0}]", "5", MODEL_NOT_IN_LIST, NULL},
    {"\"format\":\"float\",\"value-list\":[{\"value\":0.1},{\"value\":2.5}]", "0.10000000149011612", MODEL_FINE, "0.1"},
    {"\"format\":\"float\",\"value-list\":[{\"value\":0.1},{\"value\":2.5}]", "2.4", MODEL_NOT_IN_LIST, NULL},
    {"\"format\":\"int32\",\"value-list\":[{\"value\":-1}]", "-1", MODEL_FINE, "-1"},
    {"\"format\":\"string\"", "\"\"", MODEL_FINE, NULL},
    {"\"format\":\"string\"", "5", MODEL_WRONG_TYPE, NULL},
    {"\"format\":\"string\",\"max-length\":4", "\"abcd\"", MODEL_FINE, NULL},
    {"\"format\":\"string\",\"max-length\":4", "\"abcde\"", MODEL_TOO_LONG, NULL},
    {"\"format\":\"string\",\"max-length\":4", "\"\\n\\\\\\\"\\u0041\"", MODEL_FINE, NULL},
    {"\"format\":\"string\",\"max-length\":4", "\"\\n\\\\\\\"\\u0041!\"", MODEL_TOO_LONG, NULL},
    {"\"format\":\"string\",\"max-length\":3", "\"\xe6\xb8\xa9\"", MODEL_FINE, NULL},
    {"\"format\":\"string\",\"max-length\":3", "\"\\u6e29\"", MODEL_FINE, NULL},
    {"\"format\":\"string\",\"max-length\":2", "\"\\u6e29\"", MODEL_TOO_LONG, NULL},
    {"\"format\":\"string\",\"max-length\":4", "\"\\ud83d\\ude00\"", MODEL_FINE, NULL},
    {"\"format\":\"string\",\"max-length\":3", "\"\\ud83d\\ude00\"", MODEL_TOO_LONG, NULL},
    {"\"format\":\"string\",\"max-length\":2", "\"\\u00e9\"", MODEL_FINE, NULL},
    {"\"format\":\"hex\",\"max-length\":4", "\"00fF\"", MODEL_FINE, NULL},
    {"\"format\":\"hex\"", "\"\"", MODEL_FINE, NULL},
    {"\"format\":\"hex\"", "\"0g\"", MODEL_NOT_HEX, NULL},
    {"\"format\":\"hex\",\"max-length\":4", "\"00ff0\"", MODEL_TOO_LONG, NULL},
    {"\"format\":\"none\"", "{\"a\":[1]}", MODEL_FINE, NULL},
};

static void check(const struct row *row)
{
    char text[1024], tmp[MODEL_NUMBER_TEXT];
    struct model_error error;
    struct model_value v;
    struct model m;
    struct ag_span got;
    int n = snprintf(
        text, sizeof text,
        "{\"type\":\"urn:x:device:d:00000001\",\"services\":[{\"iid\":2,\"type\":\"urn:x:service:s:00000001\",\"properties\":["
        "{\"iid\":1,\"type\":\"urn:x:property:p:00000001\",\"access\":[],%s}]}]}",
        row->property);
    enum model_fault fault;

    if (ag_model_parse(&m, (struct ag_span){text, (size_t) n}, &error) != 0)
        fail_msg("%s: %s", row->property, error.why);
    fault = ag_model_check(&m, &m.props[0], (struct ag_span){row->value, strlen(row->value)}, &v);
    if (fault != row->fault)
        fail_msg("%s with %s: %s", row->value, row->property, ag_model_fault_name(fault));
    if (fault == MODEL_FINE) {
        const char *want = row->text ? row->text : row->value;

        got = v.kind == MODEL_VALUE_NUMBER ? (struct ag_span){tmp, ag_model_number_write(v.units, m.props[0].scale, tmp)} : v.raw;
        if (!ag_span_is(got, want, strlen(want)))
            fail_msg("%s with %s gives %.*s", row->value, row->property, (int) got.len, got.p);
    }
    ag_model_deinit(&m);
}

static void values(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        check(&rows[i]);
}

/* Every value of a decimal grid is right, however a float would have summed it up. */
static void no_value_of_the_grid_is_refused(void **state)
{
    static const char text[] =
        "{\"type\":\"urn:x:device:d:00000001\",\"services\":[{\"iid\":2,\"type\":\"urn:x:service:s:00000001\",\"properties\":["
        "{\"iid\":1,\"type\":\"urn:x:property:p:00000001\",\"access\":[],\"format\":\"float\",\"value-range\":[-50,50,0.1]}]}]}";
    struct model_error error;
    struct model_value v;
    struct model m;
    char value[64];

    (void) state;
    assert_int_equal(ag_model_parse(&m, AG_SPAN(text), &error), 0);
    for (int i = -500; i <= 500; i++) {
        for (int form = 0; form < 3; form++) {
            int n;

            if (form == 0)
                n = snprintf(value, sizeof value, "%.1f", i / 10.0);
            else if (form == 1)
                n = snprintf(value, sizeof value, "%.17g", i * 0.1);
            else
                n = snprintf(value, sizeof value, "%.9g", (double) ((float) i / 10.0f));
            if (ag_model_check(&m, &m.props[0], (struct ag_span){value, (size_t) n}, &v) != MODEL_FINE)
                fail_msg("%s", value);
            assert_true(ag_model_number_double(v.units, m.props[0].scale) == i / 10.0);
        }
    }
    ag_model_deinit(&m);
}

/* A value as an application writes it: one, and nothing else. */
static void a_text_is_one_value(void **state)
{
    static const struct {
        const char *text, *value; /* NULL: refused */
    } texts[] = {
        {"5", "5"},
        {" \t\r\n-0.5e1 ", "-0.5e1"},
        {"\"a\\u0041\"", "\"a\\u0041\""},
        {"[1,{\"a\":[]}]", "[1,{\"a\":[]}]"},
        {"true", "true"},
        {"{} ", "{}"},
        {"", NULL},
        {" ", NULL},
        {"1 2", NULL},
        {"1,\"x\":2", NULL},
        {"1}", NULL},
        {"1},{\"\":2", NULL},
        {"[1", NULL},
        {"\"a", NULL},
        {"\"\\", NULL},
        {"01", NULL},
        {"tru", NULL},
        {"'a'", NULL},
        {"\"\xff\"", NULL},
        {"\"\n\"", NULL},
        {"]", NULL},
        {":1", NULL},
        {",1", NULL},
        {"1,", NULL},
        {"nul", NULL},
        {"-", NULL},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        struct ag_span raw = {NULL, 0};
        int r;

        alloc_fail_at(1);
        r = ag_model_text_value(texts[i].text, &raw);
        assert_false(alloc_fail_reached());
        alloc_fail_at(0);
        if ((r == 0) != (texts[i].value != NULL))
            fail_msg("%s: %d", texts[i].text, r);
        if (r == 0)
            assert_true(ag_span_is(raw, texts[i].value, strlen(texts[i].value)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(no_value_of_the_grid_is_refused),
        cmocka_unit_test(a_text_is_one_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
