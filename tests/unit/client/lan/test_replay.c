/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/lan/core/replay.h"
#include "client/lan/core/stamp_clock.h"
#include "libagent/core/util.h"
#include "tests/support/alloc_fail.h"

struct sum {
    uint8_t b[REPLAY_SUM_LEN];
};

/* Any bytes that differ for each n, as an MD5's do. */
static struct sum sum_of(uint64_t n)
{
    struct sum s = {{0}};

    n = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    n ^= n >> 29;
    memcpy(s.b, &n, sizeof n);
    return s;
}

static enum replay_verdict look(const struct replay *r, uint64_t n, uint32_t stamp)
{
    return replay_look(r, sum_of(n).b, stamp);
}

static void add(struct replay *r, uint64_t n, uint32_t stamp)
{
    assert_int_equal(replay_add(r, sum_of(n).b, stamp), 0);
}

static void what_was_taken_is_known(void **state)
{
    struct replay r;

    (void) state;
    replay_init(&r, REPLAY_MAX);
    assert_int_equal(look(&r, 1, 5), REPLAY_NEW);
    for (uint32_t i = 0; i < REPLAY_MAX; i++) {
        assert_int_equal(look(&r, i, 1000 + i % 77), REPLAY_NEW);
        add(&r, i, 1000 + i % 77);
    }
    assert_int_equal(r.n, REPLAY_MAX);
    for (uint32_t i = 0; i < REPLAY_MAX; i++)
        assert_int_equal(look(&r, i, 1000 + i % 77), REPLAY_SEEN);
    assert_int_equal(look(&r, REPLAY_MAX, 1), REPLAY_NEW); /* full, but nothing is forgotten yet */
    replay_deinit(&r);
    assert_int_equal(look(&r, 1, 5), REPLAY_NEW);
    replay_deinit(&r);
}

/* Nothing that was taken is ever new again, in whatever order the stamps come. */
static void the_window_narrows(void **state)
{
    enum { MAX = 100, N = 3000 };
    static uint32_t stamps[N];
    uint32_t random = 1;
    struct replay r;

    (void) state;
    replay_init(&r, MAX);
    for (uint32_t i = 0; i < N; i++) {
        random = random * 1664525u + 1013904223u;
        stamps[i] = 1000 + i + (random >> 16) % 50;
        if (look(&r, i, stamps[i]) == REPLAY_NEW)
            add(&r, i, stamps[i]);
        assert_true(r.n <= MAX);
        for (uint32_t k = i % 7; k <= i; k += 7)
            assert_int_not_equal(look(&r, k, stamps[k]), REPLAY_NEW);
    }
    assert_int_equal(look(&r, 0, stamps[0]), REPLAY_TOO_OLD);
    assert_int_equal(look(&r, N - 1, stamps[N - 1]), REPLAY_SEEN);
    assert_int_equal(look(&r, N, 1000 + N + 50), REPLAY_NEW); /* whoever keeps time is heard */
    replay_deinit(&r);
}

static void a_clock_that_was_ahead_narrows_nothing(void **state)
{
    struct replay r;

    (void) state;
    replay_init(&r, 10);
    for (uint32_t i = 0; i < 15; i++)
        add(&r, i, 9000 + i);
    assert_int_equal(look(&r, 99, 500), REPLAY_TOO_OLD);
    add(&r, 20, 9005);
    replay_forget_above(&r, 1000);
    assert_int_equal(r.n, 0);
    assert_int_equal(look(&r, 99, 500), REPLAY_NEW);
    add(&r, 30, 400);
    add(&r, 31, 9000);
    add(&r, 32, 500);
    add(&r, 33, 1000);
    replay_forget_above(&r, 1000);
    assert_int_equal(look(&r, 30, 400), REPLAY_SEEN);
    assert_int_equal(look(&r, 31, 9000), REPLAY_NEW);
    assert_int_equal(look(&r, 32, 500), REPLAY_SEEN);
    assert_int_equal(look(&r, 33, 1000), REPLAY_SEEN);
    replay_deinit(&r);
}

static void sweep(void *user)
{
    struct replay r;

    (void) user;
    replay_init(&r, REPLAY_MAX);
    for (uint32_t i = 0; i < 300; i++) {
        int e = replay_add(&r, sum_of(i).b, i);

        assert_true(e == 0 || e == -ENOMEM);
        assert_int_equal(look(&r, i, i), e == 0 ? REPLAY_SEEN : REPLAY_NEW);
    }
    replay_deinit(&r);
}

static void alloc_fail(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

/* ---- which stamps are good ---- */

enum { SET = 1700000000, DAY = 86400, MINUTE_MS = 60000 };

static void stamps_near_the_clock(void **state)
{
    struct stamp_clock c = {0};

    (void) state;
    assert_false(stamp_clock_look(&c, 1000, SET));
    assert_true(stamp_clock_is_good(&c, SET - DAY, DAY, 1000));
    assert_true(stamp_clock_is_good(&c, SET + DAY, DAY, 1000));
    assert_false(stamp_clock_is_good(&c, SET - DAY - 1, DAY, 1000));
    assert_false(stamp_clock_is_good(&c, SET + DAY + 1, DAY, 1000));
    assert_true(stamp_clock_is_good(&c, 0, 0, 1000));
    assert_true(stamp_clock_is_good(&c, UINT32_MAX, 0, 1000));
    assert_false(stamp_clock_is_good(&c, UINT32_MAX, DAY, 1000));
}

/* A device without a battery: 1970, a build date, then the time. Its stamps are its uptime until then. */
static void a_clock_that_is_set(void **state)
{
    static const uint32_t unset[] = {0, 40, 1500000000, STAMP_CLOCK_SET_S - 1};

    (void) state;
    for (size_t i = 0; i < ag_array_size(unset); i++) {
        struct stamp_clock c = {0};

        assert_int_equal(stamp_clock_stamp(40000, unset[i]), 40);
        stamp_clock_look(&c, 40000, unset[i]);
        assert_true(stamp_clock_is_good(&c, 40, DAY, 40000));
        assert_false(stamp_clock_is_good(&c, SET, DAY, 40000));
        assert_false(stamp_clock_look(&c, 50000, SET)); /* forward */
        assert_int_equal(stamp_clock_stamp(50000, SET), SET);
        assert_true(stamp_clock_is_good(&c, SET, DAY, 50000));
        assert_true(stamp_clock_is_good(&c, 51, DAY, 50000)); /* of a phone that said hello before */
        assert_true(stamp_clock_is_good(&c, 349, DAY, 50000 + 5 * MINUTE_MS - 1));
        assert_false(stamp_clock_is_good(&c, 350, DAY, 50000 + 5 * MINUTE_MS));
    }
}

static void a_clock_that_is_set_back(void **state)
{
    struct stamp_clock c = {0};

    (void) state;
    stamp_clock_look(&c, 0, SET + 400 * DAY);
    assert_true(stamp_clock_look(&c, 1000, SET));
    assert_true(stamp_clock_is_good(&c, SET + 400 * DAY, DAY, 1000));
    assert_true(stamp_clock_is_good(&c, SET, DAY, 1000));
    assert_false(stamp_clock_is_good(&c, SET + 200 * DAY, DAY, 1000));
    assert_false(stamp_clock_look(&c, 2000, SET + 1));
    assert_false(stamp_clock_look(&c, 3000, SET + 5)); /* adjusted, not set */
    assert_false(stamp_clock_is_good(&c, SET + 400 * DAY, DAY, 1000 + 5 * MINUTE_MS));
}

/* By steps: each clock on the way counts on, the oldest are given up. */
static void a_clock_that_is_set_often(void **state)
{
    struct stamp_clock c = {0};

    (void) state;
    for (uint32_t i = 0; i <= STAMP_CLOCK_N_OLD + 1; i++)
        stamp_clock_look(&c, 1000 * i, SET + 10 * i * DAY);
    assert_false(stamp_clock_is_good(&c, SET, DAY, 6000));
    for (uint32_t i = 1; i <= STAMP_CLOCK_N_OLD + 1; i++)
        assert_true(stamp_clock_is_good(&c, SET + 10 * i * DAY, DAY, 6000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_is_known),
        cmocka_unit_test(the_window_narrows),
        cmocka_unit_test(a_clock_that_was_ahead_narrows_nothing),
        cmocka_unit_test(alloc_fail),
        cmocka_unit_test(stamps_near_the_clock),
        cmocka_unit_test(a_clock_that_is_set),
        cmocka_unit_test(a_clock_that_is_set_back),
        cmocka_unit_test(a_clock_that_is_set_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
