/* SPDX-License-Identifier: MIT */
/* Which JSON texts the agent for unit tests takes for the same value. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include "libagent/core/util.h"
#include "libagent/test/value.h"

static void values_are_compared_by_what_they_are(void **state)
{
    static const struct {
        const char *a, *b;
        int same;
    } rows[] = {
        {"1", " 1 ", 1},
        {"1", "1.0", 1},
        {"100", "1e2", 1},
        {"1", "2", 0},
        {"0.1", "0.10", 1},
        {"1", "\"1\"", 0},
        {"9007199254740993", "9007199254740992", 0}, /* digits beyond a double count */
        {"18446744073709551615", "18446744073709551615", 1},
        {"true", "true", 1},
        {"true", "false", 0},
        {"null", "null", 1},
        {"null", "0", 0},
        {"\"a\"", "\"\\u0061\"", 1},
        {"\"a\"", "\"b\"", 0},
        {"\"\\n\"", "\"\\u000A\"", 1},
        {"\"\\n\"", "\"n\"", 0},
        {"\"\\\\n\"", "\"\\n\"", 0},
        {"[]", "[ ]", 1},
        {"[1,2]", "[1, 2]", 1},
        {"[1,2]", "[2,1]", 0},
        {"[1]", "[1,1]", 0},
        {"[1,1]", "[1]", 0},
        {"{}", "{ }", 1},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"\\u0061\":1.0}", 1},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", 0},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", 0},
        {"{\"a\":1}", "{\"a\":2}", 0},
        {"{\"a\":1}", "{\"b\":1}", 0},
        {"{}", "[]", 0},
        {"{\"a\":[{\"b\":[1]}]}", "{\"a\":[{\"b\":[1]}]}", 1},
        {"{\"a\":[{\"b\":[1]}]}", "{\"a\":[{\"b\":[2]}]}", 0},
    };
    static const char *const wrong[] = {"", " ", "1 2", "[", "nul", "'a'", "{a:1}", "[1]x", "1}", "1,\"x\":2", "\"\xff\"", "01"};
    struct ag_json_value a, b;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        assert_int_equal(ag_test_value(rows[i].a, &a), 0);
        assert_int_equal(ag_test_value(rows[i].b, &b), 0);
        if (ag_test_same(a, b) != rows[i].same || ag_test_same(b, a) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
    for (size_t i = 0; i < ag_array_size(wrong); i++)
        assert_int_equal(ag_test_value(wrong[i], &a), -EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_compared_by_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
