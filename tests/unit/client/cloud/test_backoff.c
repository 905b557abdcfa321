#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "client/cloud/core/backoff.h"
#include "libagent/core/util.h"

static void assert_pause(struct backoff *b, uint32_t plain)
{
    uint32_t ms = backoff_next(b);

    assert_true(ms <= plain);
    assert_true(ms >= plain - plain / 4);
}

static void doubles_up_to_the_longest(void **state)
{
    static const uint32_t plain[] = {100, 200, 400, 800, 1600, 2000, 2000, 2000};
    struct backoff b;

    (void) state;
    backoff_init(&b, 100, 0, 2000, 7);
    for (size_t i = 0; i < ag_array_size(plain); i++)
        assert_pause(&b, plain[i]);
    backoff_reset(&b);
    assert_pause(&b, 100);
}

/* It has to last half a minute, and twice as long as was waited for it. */
static void short_sessions_prove_nothing(void **state)
{
    struct backoff b;

    (void) state;
    backoff_init(&b, 1000, 0, 60000, 7);
    assert_pause(&b, 1000);
    assert_false(backoff_session_ended(&b, 0));
    assert_pause(&b, 2000);
    assert_false(backoff_session_ended(&b, BACKOFF_LASTED_MS - 1));
    assert_pause(&b, 4000);
    assert_true(backoff_session_ended(&b, BACKOFF_LASTED_MS));
    assert_pause(&b, 1000);
    for (uint32_t plain = 2000; plain < 64000; plain *= 2)
        assert_pause(&b, plain);
    assert_false(backoff_session_ended(&b, 63999));
    assert_true(backoff_session_ended(&b, 64000));
    assert_pause(&b, 1000);
    backoff_reset(&b);
    assert_pause(&b, 1000);
}

static void may_begin_at_once(void **state)
{
    struct backoff b;

    (void) state;
    backoff_init(&b, 0, 1000, 60000, 0);
    assert_int_equal(backoff_next(&b), 0);
    assert_pause(&b, 1000);
    assert_pause(&b, 2000);
}

static void two_devices_drift_apart(void **state)
{
    struct backoff a, b;
    int same = 0;

    (void) state;
    backoff_init(&a, 1000, 0, 60000, 1);
    backoff_init(&b, 1000, 0, 60000, 2);
    for (int i = 0; i < 100; i++)
        same += backoff_next(&a) == backoff_next(&b);
    assert_true(same < 5);
}

static void large_pauses_do_not_wrap(void **state)
{
    struct backoff b;

    (void) state;
    backoff_init(&b, UINT32_MAX / 2 + 10, 0, UINT32_MAX, 3);
    backoff_next(&b);
    assert_pause(&b, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_longest),
        cmocka_unit_test(short_sessions_prove_nothing),
        cmocka_unit_test(may_begin_at_once),
        cmocka_unit_test(two_devices_drift_apart),
        cmocka_unit_test(large_pauses_do_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
