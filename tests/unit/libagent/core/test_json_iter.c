/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_iter.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void assert_span(struct ag_span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.p, text, s.len);
}

static void members_and_items_come_as_they_stand(void **state)
{
    struct ag_span text = span(" { \"a\" : 1.50 , \"b}\\\"\":[ 1,{\"x\":\"]\"} , \"t\" ] ,\"c\":null } "), name, value;
    struct ag_json_iter it, items;

    (void) state;
    assert_int_equal(ag_json_check(&text, 8), 0);
    it = ag_json_iter_begin(text);
    assert_true(ag_json_iter_member(&it, &name, &value));
    assert_span(name, "\"a\"");
    assert_span(value, "1.50");
    assert_true(ag_json_iter_member(&it, &name, &value));
    assert_span(name, "\"b}\\\"\"");
    items = ag_json_iter_begin(value);
    assert_true(ag_json_iter_item(&items, &value));
    assert_span(value, "1");
    assert_true(ag_json_iter_item(&items, &value));
    assert_span(value, "{\"x\":\"]\"}");
    assert_true(ag_json_iter_item(&items, &value));
    assert_span(value, "\"t\"");
    assert_false(ag_json_iter_item(&items, &value));
    assert_true(ag_json_iter_member(&it, &name, &value));
    assert_int_equal(ag_json_type(value), AG_JSON_NULL);
    assert_false(ag_json_iter_member(&it, &name, &value));
    assert_span(ag_json_get(text, "a"), "1.50");
    assert_null(ag_json_get(text, "z").p);
    assert_null(ag_json_get(span("[1]"), "a").p);
}

static void strings_of_any_length_end_at_their_own_quote(void **state)
{
    static const char *const tails[] = {"", "\\\\", "\\\"", "\\\\\\\"", "}", "]", "\\\"}"};
    char text[256];
    struct ag_span name, value;

    (void) state;
    for (int n = 0; n < 100; n++)
        for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
            for (int quoted = 0; quoted < 2; quoted++) {
                char body[160];
                struct ag_span whole;
                struct ag_json_iter it;

                memset(body, 'x', (size_t) n);
                snprintf(body + n, sizeof body - (size_t) n, "%s%s", quoted ? "\\\"y" : "", tails[i]);
                snprintf(text, sizeof text, "{\"a\":[\"%s\",1],\"b\":2}", body);
                whole = span(text);
                assert_int_equal(ag_json_check(&whole, 8), 0);
                it = ag_json_iter_begin(whole);
                assert_true(ag_json_iter_member(&it, &name, &value));
                assert_int_equal(value.len, strlen(body) + 6);
                assert_true(ag_json_iter_member(&it, &name, &value));
                assert_span(name, "\"b\"");
                assert_span(value, "2");
            }
}

static void any_value_can_be_checked(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"1", true},
        {" \"x\" ", true},
        {"[1,2]", true},
        {"null", true},
        {"1,\"x\":2", false},
        {"", false},
        {"1}", false},
        {"[1", false},
        {"tru", false},
        {"{} {}", false},
        {"\"\xff\"", false},
        {"1 2", false},
        {"[[[[1]]]]", true},
        {"[[[[[1]]]]]", false},
        {"{}", true},
        {"[]", true},
        {"\"a\",\"b\":\"c\"", false},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span s = span(rows[i].text);

        if ((ag_json_check(&s, 4) == 0) != rows[i].good)
            fail_msg("%s", rows[i].text);
    }
}

static void text_is_unescaped_and_made_compact(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT, c = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_json_append_text(&b, span("\"a\\u0041\\n\"")), 0);
    assert_string_equal(ag_buf_cstr(&b), "aA\n");
    assert_int_equal(ag_json_append_text(&b, span("1")), -EINVAL);
    assert_int_equal(ag_json_append_compact(&c, span("{ \"a b\" : [ 1 , 2 ] }")), 0);
    assert_string_equal(ag_buf_cstr(&c), "{\"a b\":[1,2]}");
}

/* As ag_json_get() gives it when there is no such member. */
static void a_value_that_is_not_there(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_span none = {NULL, 0}, value;
    struct ag_json_iter it;

    (void) state;
    assert_int_equal(ag_json_type(none), AG_JSON_NONE);
    assert_int_not_equal(ag_json_check(&none, 8), 0);
    assert_null(ag_json_get(none, "a").p);
    assert_int_equal(ag_json_append_text(&b, none), -EINVAL);
    assert_int_equal(ag_json_append_compact(&b, none), 0);
    assert_int_equal(ag_buf_size(&b), 0);
    it = ag_json_iter_begin(none);
    assert_false(ag_json_iter_item(&it, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_items_come_as_they_stand),
        cmocka_unit_test(strings_of_any_length_end_at_their_own_quote),
        cmocka_unit_test(any_value_can_be_checked),
        cmocka_unit_test(text_is_unescaped_and_made_compact),
        cmocka_unit_test(a_value_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
