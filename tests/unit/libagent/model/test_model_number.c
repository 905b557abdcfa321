/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>
#include "libagent/model/core/number.h"

static struct ag_span span(const char *s)
{
    return (struct ag_span){s, strlen(s)};
}

static void reads(void **state)
{
    static const struct {
        const char *text;
        unsigned scale;
        int64_t units;
        bool exact;
    } rows[] = {
        {"0", 0, 0, true},
        {"-0", 9, 0, true},
        {"21.5", 1, 215, true},
        {"21.50000", 1, 215, true},
        {"2.15e1", 1, 215, true},
        {"215E-1", 1, 215, true},
        {"0.1", 1, 1, true},
        {"-0.1", 9, -100000000, true},
        {"21.299999237060547", 9, 21299999237, false},
        {"0.25", 1, 3, false},
        {"-0.25", 1, -3, false},
        {"0.24999", 1, 2, false},
        {"0.05", 0, 0, false},
        {"1e-400", 9, 0, false},
        {"0e99999999999", 9, 0, true},
        {"0.000000000000000000000000000001", 9, 0, false},
        {"4294967295", 0, 4294967295, true},
        {"9223372036854775807", 0, INT64_MAX, true},
        {"-9223372036854775808", 0, INT64_MIN, true},
        {"1000000000000000000000e-3", 0, 1000000000000000000, true},
        {"99999999999999999999e-1", 0, 0, false}, /* out of range, see below */
    };

    (void) state;
    for (size_t i = 0; i + 1 < ag_array_size(rows); i++) {
        int64_t units = 77;
        bool exact = !rows[i].exact;

        if (ag_model_number_read(span(rows[i].text), rows[i].scale, &units, &exact) != 0 || units != rows[i].units ||
            exact != rows[i].exact)
            fail_msg("%s at scale %u: %lld %s", rows[i].text, rows[i].scale, (long long) units, exact ? "exact" : "rounded");
    }
}

static void refuses_what_63_bits_cannot_hold(void **state)
{
    static const char *const rows[] = {
        "9223372036854775808",    "-9223372036854775809", "1e19", "1e400", "9999999999999999999e99999999999",
        "99999999999999999999e-1"};
    int64_t units;
    bool exact;

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (ag_model_number_read(span(rows[i]), 0, &units, &exact) != MODEL_E_NUMBER_RANGE)
            fail_msg("%s", rows[i]);
    assert_int_equal(ag_model_number_read(span("10000000000"), 9, &units, &exact), MODEL_E_NUMBER_RANGE);
}

static void knows_the_decimals_of_a_number(void **state)
{
    static const struct {
        const char *text;
        unsigned scale;
    } rows[] = {{"0", 0},   {"5", 0},           {"0.1", 1},           {"0.10", 1}, {"1e-3", 3},
                {"100", 0}, {"0.000000001", 9}, {"0.0000000001", 10}, {"1e5", 0}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (ag_model_number_scale(span(rows[i].text)) != rows[i].scale)
            fail_msg("%s: %u", rows[i].text, ag_model_number_scale(span(rows[i].text)));
}

static void writes_the_shortest_text(void **state)
{
    static const struct {
        int64_t units;
        unsigned scale;
        const char *text;
    } rows[] = {{0, 0, "0"},
                {0, 9, "0"},
                {215, 1, "21.5"},
                {-1, 1, "-0.1"},
                {4000, 1, "400"},
                {5, 9, "0.000000005"},
                {INT64_MIN, 0, "-9223372036854775808"},
                {INT64_MIN, 9, "-9223372036.854775808"}};
    char out[MODEL_NUMBER_TEXT];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        assert_int_equal(ag_model_number_write(rows[i].units, rows[i].scale, out), strlen(rows[i].text));
        assert_string_equal(out, rows[i].text);
    }
    assert_true(ag_model_number_double(213, 1) == 21.3);
    assert_true(ag_model_number_double(-1, 1) == -0.1);
    assert_true(ag_model_number_double(21300000000, 9) == 21.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses_what_63_bits_cannot_hold),
        cmocka_unit_test(knows_the_decimals_of_a_number),
        cmocka_unit_test(writes_the_shortest_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
