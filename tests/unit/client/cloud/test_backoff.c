/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "client/cloud/core/reconnect.h"
#include "libagent/core/backoff.h"
#include "libagent/core/util.h"

static void assert_pause(struct ag_backoff *b, uint32_t plain)
{
    uint32_t ms = ag_backoff_next(b);

    assert_true(ms <= plain);
    assert_true(ms >= plain - plain / 4);
}

static void doubles_up_to_the_longest(void **state)
{
    static const uint32_t plain[] = {100, 200, 400, 800, 1600, 2000, 2000, 2000};
    struct ag_backoff b;

    (void) state;
    ag_backoff_init(&b, 100, 0, 2000, 7);
    for (size_t i = 0; i < ag_array_size(plain); i++)
        assert_pause(&b, plain[i]);
    ag_backoff_reset(&b);
    assert_pause(&b, 100);
}

/* It has to last half a minute, and twice as long as was waited for it. */
static void short_sessions_prove_nothing(void **state)
{
    struct ag_backoff b;

    (void) state;
    ag_backoff_init(&b, 1000, 0, 60000, 7);
    assert_pause(&b, 1000);
    assert_false(ag_backoff_session_ended(&b, 0));
    assert_pause(&b, 2000);
    assert_false(ag_backoff_session_ended(&b, AG_BACKOFF_LASTED_MS - 1));
    assert_pause(&b, 4000);
    assert_true(ag_backoff_session_ended(&b, AG_BACKOFF_LASTED_MS));
    assert_pause(&b, 1000);
    for (uint32_t plain = 2000; plain < 64000; plain *= 2)
        assert_pause(&b, plain);
    assert_false(ag_backoff_session_ended(&b, 63999));
    assert_true(ag_backoff_session_ended(&b, 64000));
    assert_pause(&b, 1000);
    ag_backoff_reset(&b);
    assert_pause(&b, 1000);
}

static void may_begin_at_once(void **state)
{
    struct ag_backoff b;

    (void) state;
    ag_backoff_init(&b, 0, 1000, 60000, 0);
    assert_int_equal(ag_backoff_next(&b), 0);
    assert_pause(&b, 1000);
    assert_pause(&b, 2000);
}

static void two_devices_drift_apart(void **state)
{
    struct ag_backoff a, b;
    int same = 0;

    (void) state;
    ag_backoff_init(&a, 1000, 0, 60000, 1);
    ag_backoff_init(&b, 1000, 0, 60000, 2);
    for (int i = 0; i < 100; i++)
        same += ag_backoff_next(&a) == ag_backoff_next(&b);
    assert_true(same < 5);
}

static void large_pauses_do_not_wrap(void **state)
{
    struct ag_backoff b;

    (void) state;
    ag_backoff_init(&b, UINT32_MAX / 2 + 10, 0, UINT32_MAX, 3);
    ag_backoff_next(&b);
    assert_pause(&b, UINT32_MAX);
}

static void assert_pauses(struct ag_backoff *b, const uint32_t *ms, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ag_backoff_next(b), ms[i]);
}

static void steady_ones_have_no_jitter(void **state)
{
    static const uint32_t ms[] = {1000, 2000, 4000, 8000, 8000};
    struct ag_backoff b;

    (void) state;
    ag_backoff_init_steady(&b, 1000, 8000);
    assert_pauses(&b, ms, ag_array_size(ms));
    ag_backoff_reset(&b);
    assert_pauses(&b, ms, ag_array_size(ms));
}

static void even_steps(void **state)
{
    static const uint32_t ms[] = {10000, 20000, 30000, 35000, 35000};
    struct ag_backoff b;

    (void) state;
    ag_backoff_init_steps(&b, 10000, 35000);
    assert_pauses(&b, ms, ag_array_size(ms));
    assert_false(ag_backoff_session_ended(&b, AG_BACKOFF_LASTED_MS - 1));
    assert_pauses(&b, ms + 4, 1);
    assert_true(ag_backoff_session_ended(&b, AG_BACKOFF_LASTED_MS)); /* also when the last pause was longer */
    assert_pauses(&b, ms, ag_array_size(ms));
}

/* ---- what a cloud makes of it ---- */

static void assert_down(struct reconnect *r, bool refused, uint64_t now_ms, uint32_t plain, bool suspect)
{
    bool said;
    uint32_t ms = reconnect_down(r, refused, now_ms, &said);

    assert_in_range(ms, r->in_steps ? plain : plain - plain / 4, plain);
    assert_int_equal(said, suspect);
}

/* The third in a row is worth a line, the fourth none; one that lasted ends the row. */
static void sessions_that_end_soon_are_told_once(void **state)
{
    static const uint32_t plain[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct reconnect r;
    uint64_t now_ms = 1000;

    (void) state;
    reconnect_init(&r, 1000, 0, 60000, 7);
    for (size_t i = 0; i < ag_array_size(plain); i += 2) {
        reconnect_up(&r, now_ms);
        assert_down(&r, false, now_ms + 10, plain[i], i == 4);
        assert_down(&r, false, now_ms + 20, plain[i + 1], false); /* a try that failed is no session */
    }
    reconnect_up(&r, now_ms);
    assert_down(&r, false, now_ms + 600000, 1000, false);
    assert_int_equal(r.n_short, 0);
}

/* Each kind of end has pauses of its own; only a login takes back those of refusals. */
static void a_refused_login_waits_longer(void **state)
{
    static const uint32_t plain[] = {10000, 20000, 40000, 80000, 160000, 300000, 300000};
    struct reconnect r;

    (void) state;
    reconnect_init(&r, 1000, 0, 60000, 7);
    for (size_t i = 0; i < ag_array_size(plain); i++)
        assert_down(&r, true, 0, plain[i], false);
    assert_down(&r, false, 0, 1000, false);
    assert_down(&r, true, 0, 300000, false);
    reconnect_up(&r, 0);
    assert_down(&r, true, 0, 10000, false);
}

/* What we end ourselves proves nothing: neither a short session nor one that lasted. */
static void who_left_himself_is_not_counted(void **state)
{
    struct reconnect r;

    (void) state;
    reconnect_init(&r, 1000, 0, 60000, 7);
    for (unsigned i = 0; i < 4; i++) {
        reconnect_up(&r, 0);
        reconnect_left(&r);
    }
    assert_down(&r, false, 600000, 1000, false);
    assert_down(&r, false, 600000, 2000, false);
    reconnect_reset(&r);
    assert_down(&r, false, 600000, 1000, false);
    assert_down(&r, true, 600000, 10000, false);
}

/* At once after one that lasted, and after the first one that did not; then in steps. */
static void in_steps(void **state)
{
    struct reconnect r;

    (void) state;
    reconnect_init_steps(&r, 10000, 600000);
    reconnect_up(&r, 1000);
    assert_down(&r, false, 1010, 0, false);
    reconnect_up(&r, 2000);
    assert_down(&r, false, 2010, 10000, false);
    assert_down(&r, false, 12020, 20000, false);
    reconnect_up(&r, 40000);
    assert_down(&r, false, 40010, 30000, true);
    reconnect_up(&r, 80000);
    assert_down(&r, false, 80000 + AG_BACKOFF_LASTED_MS, 0, false);
    assert_down(&r, false, 120000, 10000, false);
    reconnect_up(&r, 130000);
    assert_down(&r, false, 130010, 20000, false); /* the first short one, but a try had failed before it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_longest),
        cmocka_unit_test(short_sessions_prove_nothing),
        cmocka_unit_test(may_begin_at_once),
        cmocka_unit_test(two_devices_drift_apart),
        cmocka_unit_test(large_pauses_do_not_wrap),
        cmocka_unit_test(steady_ones_have_no_jitter),
        cmocka_unit_test(even_steps),
        cmocka_unit_test(in_steps),
        cmocka_unit_test(sessions_that_end_soon_are_told_once),
        cmocka_unit_test(a_refused_login_waits_longer),
        cmocka_unit_test(who_left_himself_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
