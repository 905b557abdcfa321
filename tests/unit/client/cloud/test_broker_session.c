/* SPDX-License-Identifier: MIT */
/* The session that the clouds with a broker share: stories of events with a clock, and what is under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "client/cloud/core/broker_session.h"
#include "libagent/core/util.h"
#include "tests/support/alloc_fail.h"

enum { FIRST = 1000, MAX = 60000, KEEPALIVE_MS = 60000, NEVER = UINT32_MAX };

enum event { UP, CUT, REFUSED, LEFT, KICKED, SOON, TRIES, SENT };

/* Each row: time goes on, something happens; then the pause that came of it (0: none), the wait for the next try, how long the
   device may sleep. The pauses have jitter: at most what is written, at least three quarters. */
static void stories(void **state)
{
    static const struct {
        uint32_t after_ms;
        enum event what;
        uint32_t pause_ms, next_try_ms;
        unsigned wakeup_s;
        bool suspect;
    } rows[] = {
        {0, UP, 0, NEVER, 60, false},           {10000, SENT, 0, NEVER, 60, false},
        {50000, TRIES, 0, NEVER, 10, false},                                       /* nothing to it while up; 50 s idle */
        {0, CUT, 1000, 1000, 1, false},         {1000, TRIES, 0, NEVER, 0, false}, /* a try is on: busy */
        {10, CUT, 2000, 2000, 2, false},        {2000, TRIES, 0, NEVER, 0, false},
        {10, REFUSED, 10000, 10000, 10, false}, /* late: a wrong key does not get right by trying often */
        {10000, TRIES, 0, NEVER, 0, false},     {10, REFUSED, 20000, 20000, 20, false},
        {5000, KICKED, 0, 15000, 15, false},    {0, SOON, 1, 1, 1, false},
        {1, TRIES, 0, NEVER, 0, false},         {10, CUT, 1000, 1000, 1, false}, /* pauses start over after a kick */
        {1000, TRIES, 0, NEVER, 0, false},      {10, UP, 0, NEVER, 60, false},
        {10, CUT, 2000, 2000, 2, false}, /* sessions that end soon prove nothing */
        {2000, UP, 0, NEVER, 60, false},        {10, CUT, 4000, 4000, 4, false},
        {4000, UP, 0, NEVER, 60, false},        {10, CUT, 8000, 8000, 8, true}, /* the third in a row */
        {8000, UP, 0, NEVER, 60, false},        {40000, LEFT, 1, 1, 1, false},  /* we ended it ourselves: at once */
    };
    struct broker_session s;
    uint64_t now_ms = 1000000;

    (void) state;
    broker_session_init(&s, FIRST, 0, MAX, 7);
    assert_true(broker_session_next_try_ms(&s, now_ms) == UINT64_MAX);
    assert_int_equal(broker_session_wakeup_s(&s, now_ms, KEEPALIVE_MS, false), 0); /* the first try is on */
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        bool suspect = false;
        uint64_t next;
        uint32_t pause = 0;

        now_ms += rows[i].after_ms;
        switch (rows[i].what) {
        case UP:
            broker_session_up(&s, now_ms);
            break;
        case CUT:
        case REFUSED:
        case LEFT:
            pause = broker_session_down(&s,
                                        rows[i].what == CUT    ? BROKER_CUT
                                        : rows[i].what == LEFT ? BROKER_LEFT
                                                               : BROKER_REFUSED,
                                        now_ms, &suspect);
            break;
        case KICKED:
            broker_session_kicked(&s);
            break;
        case SOON:
            pause = broker_session_soon(&s, now_ms);
            break;
        case TRIES:
            broker_session_tries(&s);
            break;
        case SENT:
            broker_session_sent(&s, now_ms);
            break;
        }
        next = broker_session_next_try_ms(&s, now_ms);
        if (pause > rows[i].pause_ms || pause < rows[i].pause_ms - rows[i].pause_ms / 4)
            fail_msg("row %zu: pause %u", i, pause);
        if (rows[i].next_try_ms == NEVER ? next != UINT64_MAX : next > rows[i].next_try_ms || next + 5000 < rows[i].next_try_ms)
            fail_msg("row %zu: next try in %llu", i, (unsigned long long) next);
        assert_in_range(broker_session_wakeup_s(&s, now_ms, KEEPALIVE_MS, false), rows[i].wakeup_s - rows[i].wakeup_s / 3,
                        rows[i].wakeup_s);
        assert_int_equal(suspect, rows[i].suspect);
    }
    broker_session_deinit(&s);
}

static void busy_is_busy(void **state)
{
    struct broker_session s;

    (void) state;
    broker_session_init(&s, FIRST, 0, MAX, 7);
    broker_session_up(&s, 5000);
    assert_int_equal(broker_session_wakeup_s(&s, 5000, KEEPALIVE_MS, true), 0);
    assert_int_equal(broker_session_wakeup_s(&s, 5001, KEEPALIVE_MS, false), 59); /* not later than the keepalive */
    assert_int_equal(broker_session_wakeup_s(&s, 64500, KEEPALIVE_MS, false), 1); /* overdue: look at once, not never */
    assert_int_equal(broker_session_wakeup_s(&s, 99000, KEEPALIVE_MS, false), 1);
    broker_session_deinit(&s);
}

static void reports_under_way(void **state)
{
    struct broker_session s;

    (void) state;
    broker_session_init(&s, FIRST, 0, MAX, 7);
    for (uint32_t id = 1; id <= 5; id++)
        assert_int_equal(broker_report_given(&s, id), 0);
    assert_int_equal(s.n_reports, 5);
    assert_true(broker_report_is_given(&s, 3));
    assert_true(broker_report_ended(&s, 3));
    assert_false(broker_report_ended(&s, 3)); /* told once */
    assert_false(broker_report_is_given(&s, 3));
    assert_int_equal(broker_report_take(&s), 1);
    assert_int_equal(broker_report_take(&s), 2);
    assert_int_equal(broker_report_take(&s), 4);
    assert_int_equal(s.n_reports, 1);
    assert_int_equal(broker_report_given(&s, 5 + BROKER_ALIKE), 0); /* alike in the end */
    assert_false(broker_report_is_given(&s, 5 + 2 * BROKER_ALIKE));
    assert_true(broker_report_ended(&s, 5));
    assert_true(broker_report_is_given(&s, 5 + BROKER_ALIKE));
    assert_false(broker_report_is_given(&s, 5));
    broker_session_deinit(&s);
    assert_int_equal(s.n_reports, 0);
    assert_int_equal(broker_report_take(&s), 0);
}

static void the_last_one_closes(void **state)
{
    struct broker_session s;

    (void) state;
    broker_session_init(&s, FIRST, 0, MAX, 7);
    for (int i = 0; i < 3; i++)
        broker_session_opened(&s);
    assert_true(broker_session_stop(&s));
    assert_false(broker_session_stop(&s));
    assert_false(broker_session_closed(&s));
    assert_false(broker_session_closed(&s));
    assert_true(broker_session_closed(&s));
}

static void sweep(void *user)
{
    struct broker_session s;
    int r;

    (void) user;
    broker_session_init(&s, FIRST, 0, MAX, 7);
    r = broker_report_given(&s, 1);
    assert_true(broker_report_is_given(&s, 1) == (r == 0));
    broker_session_deinit(&s);
}

static void allocation_failures(void **state)
{
    (void) state;
    alloc_fail_sweep(sweep, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stories),
        cmocka_unit_test(busy_is_busy),
        cmocka_unit_test(reports_under_way),
        cmocka_unit_test(the_last_one_closes),
        cmocka_unit_test(allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
