/* SPDX-License-Identifier: MIT */
/* The way of reports to two clouds: the first one tells, and neither holds up the other. See report_rig.h. */
#include "tests/unit/client/report/report_rig.h"

#include <errno.h>

static void second_comes(struct rig *r)
{
    r->second.up = true;
    report_path_pump(&r->path, SECOND);
}

static unsigned n_on_disk(void)
{
    unsigned n = 0;

    for (size_t i = 0; i < RECORDS; i++)
        n += disk.records[i].used;
    return n;
}

/* The first one of the list tells the application; the other one is not heard of. */
static void each_cloud_gets_it_and_the_first_one_tells(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = r.second.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    rig_report(&r, 3);
    saw(&r, "new1 new1b new2 new2b new3 new3b");
    assert_true(report_path_acked(&r.path, SECOND, 1));
    assert_false(report_path_acked(&r.path, 0, 1));
    assert_true(report_path_failed(&r.path, SECOND, 2, false));
    assert_false(report_path_failed(&r.path, 0, 3, false));
    assert_true(report_path_has(&r.path, 2) && report_path_has(&r.path, 3));
    assert_int_equal(r.path.lanes[SECOND].n_lost, 1);
    saw(&r, "");
    rig_close(&r);
}

static void the_second_away_costs_the_first_nothing(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = true;
    rig_report(&r, 1);
    assert_false(report_path_acked(&r.path, 0, 1));
    rig_report(&r, 2);
    disk_commits(0);
    saw(&r, "new1 new2"); /* not "queued": that is the first one's word */
    r.second.takes = 1;
    second_comes(&r);
    rig_report(&r, 3);
    saw(&r, "again1b new3"); /* it must not pass 2 */
    disk_commits(0);
    assert_true(report_path_acked(&r.path, SECOND, 1));
    r.second.takes = 9;
    report_path_pump(&r.path, SECOND);
    saw(&r, "again2b again3b");
    assert_true(report_path_acked(&r.path, SECOND, 2) && report_path_acked(&r.path, SECOND, 3));
    assert_int_equal(n_on_disk(), 0);
    rig_close(&r);
}

/* "queued" is a promise for both: the second one gets it from the disk, too. */
static void the_first_away_tells_queued_the_second_gets_it_when_it_is_safe(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.second.up = true;
    rig_report(&r, 1);
    saw(&r, "");
    disk_commits(0);
    saw(&r, "queued1 again1b");
    assert_true(report_path_acked(&r.path, SECOND, 1));
    rig_comes_up(&r);
    saw(&r, "again1@0");
    assert_true(report_path_acked(&r.path, 0, 1));
    assert_int_equal(n_on_disk(), 0);
    rig_close(&r);
}

/* The first one's session ends while both have it from memory: the record is for both, and the second is not given it twice. */
static void queued_after_a_loss_holds_for_what_the_second_has_not_acknowledged(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = r.second.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    rig_report(&r, 3);
    assert_true(report_path_acked(&r.path, SECOND, 1));
    saw(&r, "new1 new1b new2 new2b new3 new3b");
    rig_goes_down(&r);
    assert_int_equal(r.path.lanes[SECOND].given.n, 0);
    assert_true(report_path_acked(&r.path, SECOND, 2)); /* before it is on the disk */
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3");
    assert_int_equal(disk_record(1)->needs, 1);
    assert_int_equal(disk_record(2)->needs, 1);
    assert_int_equal(disk_record(3)->needs, 1 | 1 << SECOND);
    rig_close(&r);
    rig_open_with(&r, "", rig_two, 2);
    second_comes(&r);
    rig_comes_up(&r);
    saw(&r, "again3b again1@0 again2@0 again3@0");
    rig_close(&r);
}

/* One record for both; it goes when the last one has it, over a restart too. */
static void one_record_for_all_who_need_it(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    rig_report(&r, 1);
    rig_report(&r, 2);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    assert_int_equal(n_on_disk(), 2);
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1) && report_path_acked(&r.path, SECOND, 2));
    saw(&r, "again1b again2b");
    assert_int_equal(n_on_disk(), 2);
    rig_comes_up(&r);
    assert_true(report_path_acked(&r.path, 0, 1));
    saw(&r, "again1@0 again2@0");
    assert_int_equal(n_on_disk(), 1);
    rig_close(&r);
    rig_open_with(&r, "", rig_two, 2);
    second_comes(&r);
    rig_comes_up(&r);
    saw(&r, "again2@0");
    rig_close(&r);
}

/* A lost session of each keeps its own part; at the end of the program too. */
static void what_was_under_way_is_kept_for_each(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = r.second.up = true;
    rig_report(&r, 1);
    rig_report(&r, 2);
    saw(&r, "new1 new1b new2 new2b");
    r.second.up = false;
    report_path_lost(&r.path, SECOND);
    disk_commits(0);
    saw(&r, "");
    rig_goes_down(&r);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1) && report_path_acked(&r.path, SECOND, 2));
    rig_report(&r, 3);
    saw(&r, "again1b again2b");
    rig_close(&r); /* 3 was on its way to the disk */
    rig_open_with(&r, "", rig_two, 2);
    second_comes(&r);
    rig_comes_up(&r);
    saw(&r, "again3b again1@0 again2@0 again3@0");
    rig_close(&r);
}

static void each_is_bounded_by_its_own_share(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "spool_max_reports=4\n", rig_two, 2);
    for (uint32_t id = 1; id <= 3; id++)
        rig_report(&r, id);
    disk_commits(0);
    rig_comes_up(&r);
    for (uint32_t id = 1; id <= 3; id++)
        assert_true(report_path_acked(&r.path, 0, id));
    for (uint32_t id = 4; id <= 9; id++) {
        rig_report(&r, id);
        assert_false(report_path_acked(&r.path, 0, id));
        disk_commits(0);
    }
    saw(&r, "queued1 queued2 queued3 again1@0 again2@0 again3@0 new4 new5 new6 new7 new8 new9");
    assert_int_equal(r.path.lanes[SECOND].queue.n_too_many, 5);
    assert_int_equal(r.path.lanes[0].queue.n_too_many, 0);
    assert_int_equal(n_on_disk(), 4);
    second_comes(&r);
    saw(&r, "again6b again7b again8b again9b");
    rig_close(&r);
}

/* A disk that fails is the first one's affair only when the report is kept for it. */
static void a_store_that_fails_for_the_second_alone(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = true;
    disk.ready = -ENOSPC;
    rig_report(&r, 1);
    disk.ready = 0;
    rig_report(&r, 2);
    disk_commits(-EIO);
    saw(&r, "new1 new2");
    assert_int_equal(r.path.lanes[SECOND].n_lost, 2);
    assert_int_equal(r.path.n_refused, 0);
    assert_false(report_path_acked(&r.path, 0, 2));
    r.second.carries = -EMSGSIZE;
    rig_report(&r, 3);
    disk_commits(0);
    saw(&r, "new3");
    assert_int_equal(r.path.lanes[SECOND].n_lost, 3);
    rig_goes_down(&r);
    disk.ready = -ENOSPC;
    rig_report(&r, 4);
    saw(&r, "failed4:-32000");
    rig_close(&r);
}

static void a_mute_second_is_given_what_it_has_room_for(void **state)
{
    struct rig r;
    unsigned n;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    r.up = r.second.up = true;
    r.second.takes = 3;
    for (uint32_t id = 1; id <= 6; id++) {
        rig_report(&r, id);
        report_path_acked(&r.path, 0, id);
    }
    saw(&r, "new1 new1b new2 new2b new3 new3b new4 new5 new6");
    disk_commits(0);
    assert_int_equal(n_on_disk(), 3);
    r.second.takes = 9;
    for (n = 1; n <= 3; n++)
        report_path_acked(&r.path, SECOND, n);
    report_path_pump(&r.path, SECOND);
    saw(&r, "again4b again5b again6b");
    rig_close(&r);
}

static void out_of_the_list_and_into_it(void **state)
{
    struct route_table t;
    struct device_conf_error err;
    struct rig r;

    (void) state;
    rig_open_with(&r, "", rig_two, 2);
    rig_report(&r, 1);
    disk_commits(0);
    rig_close(&r);
    rig_open(&r, ""); /* the second was taken out: it gives up its part */
    assert_int_equal(r.path.n_unlisted, 1);
    assert_int_equal(r.path.lanes[SECOND].queue.n, 0);
    rig_report(&r, 2);
    disk_commits(0);
    rig_close(&r);
    rig_open_with(&r, "", rig_two, 2); /* and put in: it gets nothing older */
    second_comes(&r);
    rig_report(&r, 3);
    disk_commits(0);
    saw(&r, "queued3 again3b");
    assert_true(report_path_acked(&r.path, SECOND, 3));
    assert_int_equal(route_table_make(&t, rig_two + 1, 1, &r.conf, &err), 0);
    report_path_take_route(&r.path, &t); /* while it runs: the first one goes */
    assert_int_equal(n_on_disk(), 0);
    assert_int_equal(r.path.n_unlisted, 3);
    rig_report(&r, 4);
    assert_false(report_path_acked(&r.path, SECOND, 4)); /* the second one tells from now on */
    saw(&r, "new4b");
    rig_close(&r);
}

static void a_record_without_a_name_is_the_primarys(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    rig_report(&r, 1);
    disk_commits(0);
    rig_close(&r);
    disk_record(1)->needs = 0x8000;
    rig_open_with(&r, "", rig_two, 2);
    second_comes(&r);
    rig_comes_up(&r);
    saw(&r, "again1@0");
    assert_true(report_path_acked(&r.path, 0, 1));
    assert_int_equal(n_on_disk(), 0);
    rig_close(&r);
}

static void lines_of_routes_change_that(void **state)
{
    static const struct ag_span ask = {"{\"id\":7,\"method\":\"_sync.x\"}", 27};
    struct rig r;

    (void) state;
    rig_open_with(&r, "route.event.e=mqtt\nroute._sync.*=all\n", rig_two, 2);
    r.up = true;
    rig_report(&r, 1);
    disk_commits(0);
    saw(&r, "queued1"); /* the second is the only one, so its word counts */
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1));
    rig_report(&r, 2);
    assert_false(report_path_acked(&r.path, SECOND, 2));
    saw(&r, "again1b new2b");
    assert_int_equal(report_path_report(&r.path, 7, ask, NULL, false), 0); /* no report, but for all */
    saw(&r, "new7 new7b");
    assert_true(report_path_acked(&r.path, SECOND, 7));
    assert_false(report_path_acked(&r.path, 0, 7));
    assert_int_equal(report_path_report(&r.path, 8, ask, NULL, false), 0);
    report_path_lost(&r.path, SECOND); /* it is not kept */
    assert_int_equal(r.path.lanes[SECOND].n_lost, 1);
    assert_int_equal(n_on_disk(), 0);
    ag_buf_clear(&r.seen);
    rig_close(&r);
}

int main(void)
{
#define row(name) cmocka_unit_test_setup(name, disk_begin)
    const struct CMUnitTest tests[] = {
        row(each_cloud_gets_it_and_the_first_one_tells),
        row(the_second_away_costs_the_first_nothing),
        row(the_first_away_tells_queued_the_second_gets_it_when_it_is_safe),
        row(queued_after_a_loss_holds_for_what_the_second_has_not_acknowledged),
        row(one_record_for_all_who_need_it),
        row(what_was_under_way_is_kept_for_each),
        row(each_is_bounded_by_its_own_share),
        row(a_store_that_fails_for_the_second_alone),
        row(a_mute_second_is_given_what_it_has_room_for),
        row(out_of_the_list_and_into_it),
        row(a_record_without_a_name_is_the_primarys),
        row(lines_of_routes_change_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
