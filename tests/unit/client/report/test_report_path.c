/* SPDX-License-Identifier: MIT */
/* The way of reports to one cloud: see report_rig.h. */
#include "tests/unit/client/report/report_rig.h"

#include <errno.h>
#include <stdio.h>

static void straight_through_while_the_cloud_is_there(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    saw(&r, "new1 new2");
    assert_true(report_path_has(&r.path, 1));
    assert_false(report_path_acked(&r.path, 0, 1)); /* the uplink tells the application */
    assert_false(report_path_has(&r.path, 1));
    r.takes = 0;
    rig_report(&r, 3);
    saw(&r, "refused3:full"); /* the uplink offers it again */
    assert_false(report_path_has(&r.path, 3));
    assert_int_equal(r.path.lanes[0].given.n, 1);
    r.answer = -EMSGSIZE;
    rig_report(&r, 4);
    saw(&r, "refused4:large");
    rig_close(&r);
}

static void kept_and_told_only_when_on_the_disk(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    rig_report(&r, 2);
    saw(&r, "");
    assert_true(report_path_is_busy(&r.path));
    disk_commits(0);
    saw(&r, "queued1 queued2");
    assert_false(report_path_is_busy(&r.path)); /* nothing to do before the cloud is back */
    rig_report(&r, 3);
    rig_comes_up(&r);
    saw(&r, "again1@0 again2@0"); /* 3 is not safe yet */
    assert_true(report_path_is_busy(&r.path));
    disk_commits(0);
    saw(&r, "queued3 again3@0");
    rig_report(&r, 4); /* nothing waits any more: those on their way are in front */
    saw(&r, "new4");
    assert_true(report_path_acked(&r.path, 0, 1));
    assert_true(report_path_acked(&r.path, 0, 2));
    assert_true(report_path_acked(&r.path, 0, 3));
    assert_false(report_path_acked(&r.path, 0, 4));
    assert_false(report_path_is_busy(&r.path));
    saw(&r, "");
    rig_close(&r);
}

static void a_store_that_fails_is_told(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(-ENOSPC);
    saw(&r, "failed1:-32000 failed2:-32000");
    assert_false(report_path_has(&r.path, 1));
    disk.ready = -EROFS;
    rig_report(&r, 3);
    saw(&r, "failed3:-32000");
    assert_int_equal(r.path.n_refused, 3);
    rig_comes_up(&r); /* all else works */
    rig_report(&r, 4);
    saw(&r, "new4");
    rig_goes_down(&r);
    saw(&r, "failed4:-32002");
    disk.ready = 0;
    rig_report(&r, 5);
    disk_commits(0);
    saw(&r, "queued5");
    rig_close(&r);
}

static void what_no_cloud_can_carry_is_refused_while_it_is_away_too(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.carries = -EMSGSIZE;
    rig_report(&r, 1);
    saw(&r, "refused1:large");
    disk_commits(0);
    rig_comes_up(&r);
    saw(&r, "");
    rig_close(&r);
}

static void a_lost_session_keeps_what_was_under_way_in_front(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    assert_false(report_path_acked(&r.path, 0, 1));
    rig_report(&r, 3);
    saw(&r, "new1 new2 new3");
    r.now.now_ms += 60000;
    r.now.unix_s += 60;
    rig_goes_down(&r);
    rig_report(&r, 4);
    disk_commits(0);
    saw(&r, "queued2 queued3 queued4");
    r.now.now_ms += 60000;
    r.now.unix_s += 60;
    rig_comes_up(&r);
    saw(&r, "again2@0 again3@0 again4@60"); /* at the time of the report, not of the loss */
    assert_true(report_path_acked(&r.path, 0, 3));
    rig_goes_down(&r);
    saw(&r, "");
    rig_comes_up(&r);
    saw(&r, "again2@0 again4@60");
    rig_close(&r);
}

static void a_cloud_that_acknowledges_within_the_call(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.acks_within = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    rig_comes_up(&r);
    rig_report(&r, 3);
    saw(&r, "again1@0 again2@0 new3");
    assert_true(report_queue_empty(&r.path.lanes[0].queue));
    assert_int_equal(r.path.lanes[0].given.n, 0);
    rig_close(&r);
}

static void a_full_window_stops_the_kept_ones_in_order(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    for (uint32_t id = 1; id <= 4; id++)
        rig_report(&r, id);
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3 queued4");
    r.takes = 2;
    rig_comes_up(&r);
    saw(&r, "again1@0 again2@0");
    rig_report(&r, 5); /* behind 3 and 4 */
    disk_commits(0);
    saw(&r, "queued5");
    r.takes = 10;
    assert_true(report_path_acked(&r.path, 0, 1));
    report_path_pump(&r.path, 0);
    saw(&r, "again3@0 again4@0 again5@0");
    rig_close(&r);
}

/* A cloud that says beforehand that it takes no more: each report is read once, and tried once. */
static void nothing_is_read_that_has_no_room(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    for (uint32_t id = 1; id <= 4; id++)
        rig_report(&r, id);
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3 queued4");
    r.says = true;
    r.takes = 2;
    disk.n_reads = 0;
    rig_comes_up(&r);
    saw(&r, "again1@0 again2@0");
    assert_int_equal(disk.n_reads, 2);
    for (uint32_t id = 1; id <= 4; id++) {
        r.takes = 1;
        assert_true(report_path_acked(&r.path, 0, id));
        report_path_pump(&r.path, 0);
    }
    saw(&r, "again3@0 again4@0");
    assert_int_equal(disk.n_reads, 4);
    rig_close(&r);
}

static void not_acknowledged_is_held_back_for_a_minute(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(0);
    rig_comes_up(&r);
    saw(&r, "queued1 queued2 again1@0 again2@0");
    assert_true(report_path_next_deadline(&r.path) == UINT64_MAX);
    assert_true(report_path_failed(&r.path, 0, 1, true));
    r.now.now_ms += 1000;
    assert_true(report_path_failed(&r.path, 0, 2, true)); /* it does not put the first one off */
    assert_int_equal(report_path_next_deadline(&r.path), 1060000);
    report_path_pump(&r.path, 0);
    report_path_expire(&r.path, 1059999);
    saw(&r, "");
    r.now.unix_s -= 400 * DAY_S; /* whatever the clock of the device does */
    report_path_expire(&r.path, 1060000);
    saw(&r, "again1@-34560001 again2@-34560001");
    assert_true(report_path_next_deadline(&r.path) == UINT64_MAX);
    assert_true(report_path_failed(&r.path, 0, 1, false)); /* the cloud cannot */
    assert_false(report_path_has(&r.path, 1));
    assert_int_equal(r.path.lanes[0].queue.n_refused, 1);
    rig_close(&r);
}

static void a_failed_one_that_was_not_kept(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    assert_false(report_path_failed(&r.path, 0, 2, false)); /* the uplink answers */
    assert_true(report_path_failed(&r.path, 0, 1, true));   /* the store will */
    saw(&r, "new1 new2");
    disk_commits(0);
    saw(&r, "queued1 again1@0");
    rig_close(&r);
}

/* The clock jumps to and fro while reports are kept; they are seconds old. */
static void steps_of_the_clock_change_nothing(void **state)
{
    static const long steps_s[] = {14 * DAY_S, -14 * DAY_S, 3000 * DAY_S, -3000 * DAY_S, UNIX / 2, -(UNIX - 60), -UNIX};

    (void) state;
    for (size_t i = 0; i < ag_array_size(steps_s); i++) {
        struct rig r;

        disk_begin(NULL);
        rig_open(&r, "");
        rig_report(&r, 1);
        r.now.now_ms += 5000;
        r.now.unix_s = (uint32_t) ((long) r.now.unix_s + steps_s[i]);
        rig_report(&r, 2);
        disk_commits(0);
        r.now.now_ms += 5000;
        r.now.unix_s += 5;
        saw(&r, "queued1 queued2");
        rig_comes_up(&r);
        if (r.now.unix_s > 1600000000) { /* told as the clock has it now, whatever it said then */
            char want[64];

            snprintf(want, sizeof want, "again1@%ld again2@%ld", steps_s[i] - 5, steps_s[i]);
            saw(&r, want);
        } else {
            saw(&r, "again1 again2"); /* nobody knows the time */
        }
        assert_int_equal(r.path.lanes[0].queue.n_too_old, 0);
        rig_close(&r);
    }
}

static void age_counts_by_the_clock_that_nobody_sets(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "spool_max_age_s=100\n");
    rig_report(&r, 1);
    disk_commits(0);
    r.now.now_ms += 100001;
    r.now.unix_s -= 50; /* by this one it would be in the future */
    rig_report(&r, 2);
    disk_commits(0);
    rig_comes_up(&r);
    assert_int_equal(r.path.lanes[0].queue.n_too_old, 1);
    saw(&r, "queued1 queued2 again2@-50");
    rig_close(&r);
}

/* After a restart: the same boot, another boot, with and without a clock that is kept right. */
static void ages_after_a_restart(void **state)
{
    static const struct {
        uint64_t boot;
        bool was_sure, is_sure;
        long now_s, now_ms; /* since the report */
        const char *want;
        long was_s; /* the report's own time, from UNIX */
    } rows[] = {
        {7, true, true, 50, 50000, "again1@0", 0},
        {7, true, true, 50, 100001, "", 0},                      /* the same boot: too old, whatever the clock says */
        {7, true, true, 14 * DAY_S, 50000, "again1@1209550", 0}, /* the clock was behind when it was kept */
        {8, true, true, 101, -900000, "", 0},                    /* another boot: the clocks tell */
        {8, true, true, 99, -900000, "again1@0", 0},
        {8, false, true, 14 * DAY_S, -900000, "again1@0", 0}, /* a build date as time, then the network's */
        {8, true, false, 14 * DAY_S, -900000, "again1@0", 0},
        {8, true, true, -14 * DAY_S, -900000, "again1", 0}, /* not set yet: in the future */
        {0, true, true, 101, 1000, "", 0},                  /* a system that does not tell its boots */
        {0, true, true, 50, 1000, "again1@0", 0},
        {8, true, true, 50, -900000, "again1", 1540000000 - (long) UNIX}, /* kept in sync with a clock that says 2018: none */
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct rig r;

        disk_begin(NULL);
        rig_open(&r, "spool_max_age_s=100\n");
        r.now.sure = rows[i].was_sure;
        r.now.boot = rows[i].boot ? 7 : 0;
        r.now.unix_s = (uint32_t) (UNIX + rows[i].was_s);
        rig_report(&r, 1);
        disk_commits(0);
        rig_close(&r);
        rig_open(&r, "spool_max_age_s=100\n");
        report_path_close(&r.path);
        report_path_deinit(&r.path);
        ag_buf_clear(&r.seen);
        r.now = (struct report_time){.now_ms = (uint64_t) (1000000 + rows[i].now_ms),
                                     .boot = rows[i].boot,
                                     .unix_s = (uint32_t) (UNIX + rows[i].was_s + rows[i].now_s),
                                     .sure = rows[i].is_sure};
        assert_int_equal(
            report_path_open(
                &r.path,
                &(struct report_path_env){
                    .conf = &r.conf, .clouds = rig_one, .n_clouds = 1, .path = "fake", .host = &rig_host, .user = &r},
                (char[99]){0}, 99),
            0);
        rig_comes_up(&r);
        saw(&r, rows[i].want);
        rig_close(&r);
    }
}

static void the_next_start_goes_on_where_this_one_ended(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    disk_commits(0);
    r.up = true;
    rig_close(&r);
    rig_open(&r, "");
    rig_report(&r, 2); /* its number must not be that of 1 */
    disk_commits(0);
    rig_report(&r, 3);
    saw(&r, "queued2"); /* nobody is told of 3: it is not there yet */
    rig_close(&r);      /* but it is now */
    rig_open(&r, "");
    rig_comes_up(&r);
    saw(&r, "again1@0 again2@0 again3@0");
    rig_close(&r);
}

/* At the end: who waits is refused by the uplink, so its report must not come twice; what nobody waits for must come. */
static void the_end_keeps_what_nobody_waits_for(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    r.awaited = 2;
    rig_report(&r, 1);
    rig_report(&r, 2);
    rig_report(&r, 3);
    saw(&r, "new1 new2 new3");
    rig_close(&r);
    rig_open(&r, "");
    rig_comes_up(&r);
    saw(&r, "again1@0 again3@0");
    rig_close(&r);
}

static void nothing_of_the_last_owner_is_left(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    disk_commits(0);
    rig_comes_up(&r);
    rig_report(&r, 2);
    saw(&r, "queued1 again1@0 new2");
    rig_goes_down(&r);
    rig_report(&r, 3);
    r.up = true;
    rig_report(&r, 4); /* kept: 2 and 3 wait */
    saw(&r, "");
    assert_int_equal(report_path_forget(&r.path), 0);
    assert_int_equal(disk.n_wiped, 1);
    assert_true(report_queue_empty(&r.path.lanes[0].queue));
    report_path_pump(&r.path, 0);
    rig_goes_down(&r);
    rig_comes_up(&r);
    saw(&r, "");
    rig_report(&r, 5);
    saw(&r, "new5");
    assert_int_equal(report_path_forget(&r.path), 0); /* with one at the cloud */
    saw(&r, "failed5:-32002");
    rig_goes_down(&r);
    disk_commits(0);
    rig_comes_up(&r);
    saw(&r, "");
    disk.wipe_error = -EROFS;
    assert_int_equal(report_path_forget(&r.path), -EROFS);
    rig_close(&r);
    rig_open(&r, "");
    rig_comes_up(&r);
    saw(&r, "");
    rig_close(&r);
}

static void what_cannot_be_read_is_counted_and_the_rest_goes_on(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(0);
    disk.read_error = -EBADMSG; /* damaged: it will not get better */
    rig_comes_up(&r);
    saw(&r, "queued1 queued2");
    assert_int_equal(r.path.lanes[0].queue.n_unreadable, 2);
    assert_true(report_queue_empty(&r.path.lanes[0].queue));
    disk.read_error = 0;
    rig_report(&r, 3);
    saw(&r, "new3");
    rig_close(&r);
}

static void what_the_disk_does_not_give_is_read_again_in_order(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(0);
    disk.read_error = -EIO;
    rig_comes_up(&r);
    saw(&r, "queued1 queued2");
    assert_int_equal(report_path_next_deadline(&r.path), 1002000);
    report_path_pump(&r.path, 0); /* whatever else happens meanwhile: not yet */
    assert_int_equal(disk.n_reads, 1);
    rig_goes_down(&r);
    rig_comes_up(&r);
    assert_int_equal(report_path_next_deadline(&r.path), 1002000);
    disk.read_error = 0;
    r.now.now_ms += 2000;
    report_path_expire(&r.path, r.now.now_ms);
    saw(&r, "again1@-2 again2@-2");
    rig_close(&r);
}

static void a_disk_that_never_gives_it_does_not_hold_the_rest(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    for (uint32_t id = 1; id <= 20; id++)
        rig_report(&r, id);
    disk_commits(0);
    ag_buf_clear(&r.seen);
    disk.read_error = -EIO;
    rig_comes_up(&r);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r.path.lanes[0].queue.n_unreadable, 0);
        r.now.now_ms += 2000;
        report_path_expire(&r.path, r.now.now_ms);
    }
    assert_int_equal(r.path.lanes[0].queue.n_unreadable, 20); /* the first one was waited for, those behind it are not */
    assert_true(report_path_next_deadline(&r.path) == UINT64_MAX);
    rig_report(&r, 21);
    saw(&r, "new21");
    rig_goes_down(&r);
    rig_report(&r, 22); /* a disk that gives again is waited for again */
    rig_report(&r, 23);
    disk.read_error = 0;
    disk_commits(0);
    rig_comes_up(&r);
    ag_buf_clear(&r.seen);
    rig_goes_down(&r);
    disk.read_error = -EIO;
    rig_comes_up(&r);
    assert_int_equal(r.path.lanes[0].queue.n_unreadable, 20);
    assert_true(report_path_next_deadline(&r.path) != UINT64_MAX);
    rig_close(&r);
}

static void requests_are_not_kept(void **state)
{
    static const char *const texts[] = {"{\"id\":1,\"method\":\"_sync.x\"}", "{\"id\":1,\"method\":\"event.noise\"}"};
    struct rig r;

    (void) state;
    rig_open(&r, "spool.event.noise=drop\n");
    for (size_t i = 0; i < ag_array_size(texts); i++) {
        struct ag_span text = {texts[i], strlen(texts[i])};

        r.up = false;
        assert_int_equal(report_path_report(&r.path, 1, text, NULL, false), -ENOTCONN);
        r.up = true;
        assert_int_equal(report_path_report(&r.path, 1, text, NULL, false), 0);
        saw(&r, "new1");
        assert_false(report_path_has(&r.path, 1));
    }
    rig_close(&r);
}

int main(void)
{
#define row(name) cmocka_unit_test_setup(name, disk_begin)
    const struct CMUnitTest tests[] = {
        row(straight_through_while_the_cloud_is_there),
        row(kept_and_told_only_when_on_the_disk),
        row(a_store_that_fails_is_told),
        row(what_no_cloud_can_carry_is_refused_while_it_is_away_too),
        row(a_lost_session_keeps_what_was_under_way_in_front),
        row(a_cloud_that_acknowledges_within_the_call),
        row(a_full_window_stops_the_kept_ones_in_order),
        row(nothing_is_read_that_has_no_room),
        row(not_acknowledged_is_held_back_for_a_minute),
        row(a_failed_one_that_was_not_kept),
        row(steps_of_the_clock_change_nothing),
        row(age_counts_by_the_clock_that_nobody_sets),
        row(ages_after_a_restart),
        row(the_next_start_goes_on_where_this_one_ended),
        row(the_end_keeps_what_nobody_waits_for),
        row(nothing_of_the_last_owner_is_left),
        row(what_cannot_be_read_is_counted_and_the_rest_goes_on),
        row(what_the_disk_does_not_give_is_read_again_in_order),
        row(a_disk_that_never_gives_it_does_not_hold_the_rest),
        row(requests_are_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
