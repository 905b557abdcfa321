/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "examples/sim/wire/sim_json.h"
#include "tests/support/alloc_fail.h"

#define T(literal) AG_SPAN(literal)

static void texts_that_are_no_object(void **state)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "null",
                                       "[]",
                                       "\"a\"",
                                       "1",
                                       "{",
                                       "{}}",
                                       "{} {}",
                                       "{,}",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{\"a\" 1}",
                                       "{a:1}",
                                       "{'a':1}",
                                       "{\"a\":01}",
                                       "{\"a\":1.}",
                                       "{\"a\":.5}",
                                       "{\"a\":+1}",
                                       "{\"a\":-}",
                                       "{\"a\":1e}",
                                       "{\"a\":0x1}",
                                       "{\"a\":NaN}",
                                       "{\"a\":tru}",
                                       "{\"a\":True}",
                                       "{\"a\":nulll}",
                                       "{\"a\":[1,]}",
                                       "{\"a\":[1 2]}",
                                       "{\"a\":[1}",
                                       "{\"a\":\"\t\"}",
                                       "{\"a\":\"\\x\"}",
                                       "{\"a\":\"\\u12g4\"}",
                                       "{\"a\":\"\\u12",
                                       "{\"a\":\"\\",
                                       "{\"a\":\"\xc0\xaf\"}",
                                       "{\"a\":\"\xed\xa0\x80\"}",
                                       "{\"a\":\"\xf4\x90\x80\x80\"}",
                                       "{\"a\":\"\xc3\"}",
                                       "{\"a\":\"\xc3",
                                       "{\"\xff\":1}",
                                       "{\"a\":1}/**/",
                                       "\xef\xbb\xbf{}",
                                       "{\"a\":{{}}",
                                       "{\"a\":[[[]]]}"};

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ag_span text = {rows[i], strlen(rows[i])}, before = text;

        if (sim_json_object(&text, 3) || text.p != before.p || text.len != before.len)
            fail_msg("taken: %s", rows[i]);
    }
}

static void texts_that_are_one(void **state)
{
    static const char *const rows[] = {"{}",
                                       "{ }",
                                       "{\"a\":[[]]}",
                                       "{\"\":-0.5e+10,\"b\" : [ true , false,null ] }",
                                       "{\"a\":\"\\ud800\"}",
                                       "{\"a\":\"\xf0\x9f\x98\x80\x7f\"}",
                                       "{\"a\":{\"a\":{}}}",
                                       "{\"a\":1,\"a\":2}"};

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char padded[80];
        struct ag_span text = {padded, (size_t) snprintf(padded, sizeof padded, " \t%s\r\n", rows[i])};

        if (!sim_json_object(&text, 3) || !ag_span_is(text, rows[i], strlen(rows[i])))
            fail_msg("refused, or cut wrongly: %s", rows[i]);
    }
}

static unsigned n_of_name(struct ag_span object, const char *name)
{
    struct sim_json_walk w = sim_json_walk(object);
    struct ag_span found, value;
    unsigned n = 0;

    while (sim_json_next(&w, &found, &value))
        n += found.p && sim_json_is(found, name);
    return n;
}

static void members_by_name(void **state)
{
    static const struct {
        const char *object, *name;
        const char *value; /* NULL: none */
        unsigned n;
    } rows[] = {
        {"{\"a\":1,\"b\":[2]}", "b", "[2]", 1},
        {"{\"a\":1,\"a\":2}", "a", "1", 2},
        {"{\"\\u0061\":1}", "a", "1", 1},
        {"{\"ab\":1}", "a", NULL, 0},
        {"{\"a\":1}", "ab", NULL, 0},
        {"{\"\":1}", "", "1", 1},
        {"{\"b\":{\"a\":1}}", "a", NULL, 0},
        {"{ \"b\" : \"a\" , \"a\" : \" x\" }", "a", "\" x\"", 1},
        {"[\"a\",1]", "a", NULL, 0},
        {"\"a\"", "a", NULL, 0},
        {"", "a", NULL, 0},
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ag_span object = {rows[i].object, strlen(rows[i].object)}, value = sim_json_get(object, rows[i].name);

        assert_int_equal(n_of_name(object, rows[i].name), rows[i].n);
        if (rows[i].value ? !ag_span_is(value, rows[i].value, strlen(rows[i].value)) : value.p != NULL)
            fail_msg("%s of %s: %.*s", rows[i].name, rows[i].object, (int) value.len, value.p);
    }
}

static void items_of_an_array(void **state)
{
    struct sim_json_walk w = sim_json_walk(T("[ 1 ,[2,3], {\"a\":4} ,\"]\"]"));
    static const char *const want[] = {"1", "[2,3]", "{\"a\":4}", "\"]\""};
    struct ag_span name, item;

    (void) state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(sim_json_next(&w, &name, &item) && !name.p);
        assert_true(ag_span_is(item, want[i], strlen(want[i])));
    }
    assert_false(sim_json_next(&w, &name, &item));
    assert_false(sim_json_next(&w, &name, &item));
    w = sim_json_walk(T("[ ]"));
    assert_false(sim_json_next(&w, &name, &item));
}

static void types(void **state)
{
    (void) state;
    assert_int_equal(sim_json_type(T("")), SIM_JSON_NONE);
    assert_int_equal(sim_json_type((struct ag_span){NULL, 0}), SIM_JSON_NONE);
    assert_int_equal(sim_json_type(T("{}")), SIM_JSON_OBJECT);
    assert_int_equal(sim_json_type(T("[]")), SIM_JSON_ARRAY);
    assert_int_equal(sim_json_type(T("\"\"")), SIM_JSON_STRING);
    assert_int_equal(sim_json_type(T("-1")), SIM_JSON_NUMBER);
    assert_int_equal(sim_json_type(T("true")), SIM_JSON_WORD);
    assert_int_equal(sim_json_type(T("null")), SIM_JSON_WORD);
}

static void whole_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t n;
    } rows[] = {
        {"0", 0, true, 0},
        {"4294967295", UINT32_MAX, true, UINT32_MAX},
        {"4294967296", UINT32_MAX, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"9", 5, false, 0},
        {"-1", 9, false, 0},
        {"1.0", 9, false, 0},
        {"1e0", 9, false, 0},
        {"\"1\"", 9, false, 0},
        {"", 9, false, 0},
        {"null", 9, false, 0},
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t n = 77;

        if (sim_json_uint((struct ag_span){rows[i].text, strlen(rows[i].text)}, rows[i].max, &n) != rows[i].good ||
            n != (rows[i].good ? rows[i].n : 77))
            fail_msg("%s", rows[i].text);
    }
    assert_false(sim_json_uint((struct ag_span){NULL, 0}, 9, &(uint64_t){0}));
}

static void texts_of_strings(void **state)
{
    static const struct {
        const char *string;
        int r;
        struct ag_span text;
    } rows[] = {
        {"\"\"", 0, {"", 0}},
        {"\"a\\n\\\"\\/\\\\\\b\\f\\r\\t\"", 0, {"a\n\"/\\\b\f\r\t", 9}},
        {"\"\\u0000\"", 0, {"\0", 1}},
        {"\"\\u00e4\\u20AC\"", 0, {"\xc3\xa4\xe2\x82\xac", 5}},
        {"\"\\uD83D\\ude00\"", 0, {"\xf0\x9f\x98\x80", 4}},
        {"\"\xf0\x9f\x98\x80\"", 0, {"\xf0\x9f\x98\x80", 4}},
        {"\"\\ud83d\"", -EINVAL, {NULL, 0}},
        {"\"\\ud83dx\"", -EINVAL, {NULL, 0}},
        {"\"\\ude00\\ud83d\"", -EINVAL, {NULL, 0}},
        {"1", -EINVAL, {NULL, 0}},
        {"", -EINVAL, {NULL, 0}},
    };

    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

        assert_int_equal(sim_json_text(&b, (struct ag_span){rows[i].string, strlen(rows[i].string)}), rows[i].r);
        if (rows[i].r == 0 && !ag_span_is(ag_buf_span(&b), rows[i].text.p, rows[i].text.len))
            fail_msg("%s", rows[i].string);
    }
}

static void compact(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(sim_json_compact(&b, T("{ \"a b\" :\t[ 1 ,\n\"\\\" \" ] } ")), 0);
    assert_true(ag_span_eq(ag_buf_span(&b), "{\"a b\":[1,\"\\\" \"]}"));
}

static void utf8(void **state)
{
    (void) state;
    assert_true(sim_utf8_valid(T("")) && sim_utf8_valid(T("a\0\xc3\xa4\xef\xbf\xbf\xf4\x8f\xbf\xbf")));
    assert_false(sim_utf8_valid(T("\x80")));
    assert_false(sim_utf8_valid(T("a\xc3")));
    assert_false(sim_utf8_valid(T("\xc1\xbf")));
    assert_false(sim_utf8_valid(T("\xe0\x9f\xbf")));
    assert_false(sim_utf8_valid(T("\xed\xbf\xbf")));
    assert_false(sim_utf8_valid(T("\xf0\x8f\xbf\xbf")));
    assert_false(sim_utf8_valid(T("\xf4\x90\x80\x80")));
    assert_false(sim_utf8_valid(T("\xff")));
}

static void texts_without_memory(void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = sim_json_text(&b, T("\"a\\u20ac\""));

    (void) user;
    if (r == 0)
        r = sim_json_compact(&b, T("[1, 2]"));
    assert_true(r == 0 || r == -ENOMEM);
}

static void memory_that_is_not_there(void **state)
{
    (void) state;
    alloc_fail_sweep(texts_without_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_object),
        cmocka_unit_test(texts_that_are_one),
        cmocka_unit_test(members_by_name),
        cmocka_unit_test(items_of_an_array),
        cmocka_unit_test(types),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(texts_of_strings),
        cmocka_unit_test(compact),
        cmocka_unit_test(utf8),
        cmocka_unit_test(memory_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
