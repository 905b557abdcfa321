/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "libagent/core/deadline.h"
#include "libagent/core/util.h"

static void earlier_of_two(void **state)
{
    (void) state;
    assert_true(ag_earlier(3, 7) == 3);
    assert_true(ag_earlier(7, 3) == 3);
    assert_true(ag_earlier(0, 7) == 0); /* a time like any other */
    assert_true(ag_earlier(AG_NEVER, 7) == 7);
    assert_true(ag_earlier(7, AG_NEVER) == 7);
    assert_true(ag_earlier(AG_NEVER, AG_NEVER) == AG_NEVER);
}

static void time_that_is_left(void **state)
{
    (void) state;
    assert_true(ag_ms_until(1500, 1000) == 500);
    assert_true(ag_ms_until(1000, 1000) == 0);
    assert_true(ag_ms_until(999, 1000) == 0);
    assert_true(ag_ms_until(0, 0) == 0);
    assert_true(ag_ms_until(AG_NEVER - 1, 0) == AG_NEVER - 1);
    assert_true(ag_ms_until(AG_NEVER, 0) == AG_NEVER);
    assert_true(ag_ms_until(AG_NEVER, 1000) == AG_NEVER);
}

static void seconds_are_rounded_up(void **state)
{
    static const struct {
        uint64_t ms;
        unsigned s;
    } rows[] = {
        {0, 0},
        {1, 1},
        {999, 1},
        {1000, 1},
        {1001, 2},
        {UINT64_C(4294967294000), UINT32_MAX - 1},
        {UINT64_C(4294967294001), UINT32_MAX},
        {UINT64_C(4294967296000), UINT32_MAX}, /* not 0 */
        {AG_NEVER - 1, UINT32_MAX},
        {AG_NEVER, UINT32_MAX},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        assert_int_equal(ag_ceil_s(rows[i].ms), rows[i].s);
}

struct thing {
    struct ag_deadline due;
    char name;
};

static void list_is_in_order(void **state)
{
    static const uint64_t at_ms[] = {30, 10, 20, 10, AG_NEVER, 0};
    static const char order[] = "fbdcae"; /* b before d: equal ones as they came */
    struct thing things[ag_array_size(at_ms)], *first;
    struct ag_list list;
    size_t n = 0;

    (void) state;
    ag_list_init(&list);
    assert_true(ag_deadline_next_ms(&list) == AG_NEVER);
    for (size_t i = 0; i < ag_array_size(things); i++) {
        things[i].name = (char) ('a' + i);
        ag_deadline_init(&things[i].due);
        ag_deadline_del(&things[i].due); /* in no list */
        ag_deadline_add(&list, &things[i].due, at_ms[i]);
    }
    while ((first = ag_deadline_first(&list, struct thing, due))) {
        assert_int_equal(first->name, order[n++]);
        assert_true(ag_deadline_next_ms(&list) == first->due.at_ms);
        ag_deadline_del(&first->due);
        ag_deadline_del(&first->due);
    }
    assert_int_equal(n, ag_array_size(things));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_of_two),
        cmocka_unit_test(time_that_is_left),
        cmocka_unit_test(seconds_are_rounded_up),
        cmocka_unit_test(list_is_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
