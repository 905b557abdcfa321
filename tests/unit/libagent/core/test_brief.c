/* SPDX-License-Identifier: MIT */
/* libagent/core/brief: what a log shows of a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "libagent/core/text/brief.h"

static void test_rows(void **state)
{
    static const struct {
        const char *text, *brief;
    } rows[] = {
        {"{\"id\":7,\"method\":\"set_power\",\"params\":[\"secret\"]}", "set_power, id 7, 49 bytes"},
        {"{\"method\":\"props\",\"params\":{\"a\":1}}", "props, 35 bytes"},
        {"{\"id\":7,\"result\":[\"secret\"]}", "result, id 7, 28 bytes"},
        {"{\"id\":7,\"error\":{\"code\":-1,\"message\":\"secret\"}}", "error, id 7, 47 bytes"},
        {"{\"id\":\"a b\",\"method\":\"m\"}", "m, id \"a b\", 25 bytes"},
        {"{\"id\":\"0123456789012345678901234567890123456789\",\"method\":\"m\"}", "m, id ..., 62 bytes"},
        {"{\"id\":1,\"method\":\"a\\nb\"}", "a?b, id 1, 24 bytes"},
        {"{\"id\":1,\"method\":5}", "a method of an odd name, id 1, 19 bytes"},
        {"{}", "result, 2 bytes"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_span text = {rows[i].text, strlen(rows[i].text)};
        char brief[AG_BRIEF_MAX];
        struct ag_json_view view;

        assert_int_equal(ag_json_parse(&text, AG_JSON_DEPTH_MAX, &view), 0);
        ag_brief(brief, text, &view);
        assert_string_equal(brief, rows[i].brief);
    }
}

static void test_a_long_name_fits(void **state)
{
    char text[400] = "{\"method\":\"", brief[AG_BRIEF_MAX];
    struct ag_json_view view;
    struct ag_span span;

    (void) state;
    memset(text + 11, 'x', 300);
    strcpy(text + 311, "\"}");
    span = (struct ag_span){text, strlen(text)};
    assert_int_equal(ag_json_parse(&span, AG_JSON_DEPTH_MAX, &view), 0);
    ag_brief(brief, span, &view);
    assert_true(strlen(brief) < AG_BRIEF_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_a_long_name_fits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
