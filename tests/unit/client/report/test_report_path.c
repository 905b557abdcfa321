/* SPDX-License-Identifier: MIT */
/*
 * The way of reports with everything around it played: a cloud that says what the row wants, a store without a disk, an
 * uplink that writes down the answers, a clock that only the test moves. What happened is one line of words, so that what
 * should not happen is seen as well.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/report/core/spool_record.h"
#include "client/report/io/spool.h"
#include "client/report/report_path.h"

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

enum { SECOND = 3, RECORDS = 64, UNIX = 1700000000, DAY_S = 86400 };

/* ---- the store ---- */

struct record {
    uint64_t seq;
    struct spool_record rec;
    char text[256];
    unsigned needs;
    bool stored, used;
};

struct spool {
    const struct spool_events *events;
    void *user;
};

/* What is on the "disk": it outlives the path. */
static struct disk {
    struct spool spool;
    struct record records[RECORDS];
    int ready, read_error, wipe_error;
    unsigned n_wiped, n_reads;
} disk;

static struct record *record_of(uint64_t seq)
{
    for (size_t i = 0; i < RECORDS; i++) {
        if (disk.records[i].used && disk.records[i].seq == seq)
            return &disk.records[i];
    }
    return NULL;
}

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user)
{
    (void) loop;
    (void) path;
    disk.spool = (struct spool){events, user};
    *out = &disk.spool;
    for (size_t i = 0; i < RECORDS; i++)
        disk.records[i].used &= disk.records[i].stored; /* the plug was pulled before the rest was there */
    for (uint64_t seq = 1; seq < 1000; seq++) {
        struct record *r = record_of(seq);

        if (r && events->found(user, r->seq, r->needs, &r->rec) != 0)
            r->used = false;
    }
    return 0;
}

int spool_ready(struct spool *s)
{
    (void) s;
    return disk.ready;
}

int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    (void) s;
    assert_null(record_of(seq));
    for (size_t i = 0; i < RECORDS; i++) {
        struct record *r = &disk.records[i];

        if (r->used)
            continue;
        *r = (struct record){.seq = seq, .rec = *rec, .needs = needs, .used = true};
        assert_true(rec->text.len < sizeof r->text);
        memcpy(r->text, rec->text.p, rec->text.len);
        r->rec.text.p = r->text;
        return 0;
    }
    fail_msg("the store is full");
    return -ENOMEM;
}

int spool_release(struct spool *s, uint64_t seq, unsigned needs)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r) {
        r->needs &= ~needs;
        r->used = r->needs != 0;
    }
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    return spool_release(s, seq, UINT16_MAX);
}

int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r && r->needs & from)
        r->needs = (r->needs & ~from) | to;
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    struct record *r = record_of(seq);

    (void) s;
    disk.n_reads++;
    if (disk.read_error)
        return disk.read_error;
    return r && r->stored ? ag_buf_append_span(text, r->rec.text) : -ENOENT;
}

int spool_wipe(struct spool *s)
{
    (void) s;
    memset(disk.records, 0, sizeof disk.records);
    disk.n_wiped++;
    return disk.wipe_error;
}

bool spool_is_idle(const struct spool *s)
{
    (void) s;
    for (size_t i = 0; i < RECORDS; i++) {
        if (disk.records[i].used && !disk.records[i].stored)
            return false;
    }
    return true;
}

void spool_close(struct spool *s)
{
    for (size_t i = 0; s && i < RECORDS; i++)
        disk.records[i].stored = disk.records[i].used; /* it is on the disk before it closes */
    if (s)
        s->events->closed(s->user);
}

/* Commits what was put; r: how that ends. */
static void disk_commits(int r)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct record *rec = &disk.records[i];

        if (!rec->used || rec->stored)
            continue;
        rec->stored = r == 0;
        rec->used = r == 0;
        disk.spool.events->stored(disk.spool.user, rec->seq, rec->rec.id, r);
    }
}

/* ---- the rest ---- */

struct rig {
    struct report_path path;
    struct device_conf conf;
    struct report_time now;
    struct ag_buf seen;
    bool up, acks_within;
    int takes;  /* the cloud takes so many more; then -ENOBUFS */
    bool says;  /* beforehand, when it takes no more */
    int answer; /* what else report() says */
    int carries;
    uint32_t awaited; /* somebody waits for this id */
    struct {
        bool up;
        int takes, carries;
    } second; /* the cloud at place 3, when it is in the list */
};

static void see(struct rig *r, const char *fmt, ...) ag_printf_like(2, 3);

static void see(struct rig *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    assert_int_equal(ag_buf_vprintf(&r->seen, fmt, ap), 0);
    va_end(ap);
    assert_int_equal(ag_buf_append_char(&r->seen, ' '), 0);
}

static bool cloud_takes(void *user, unsigned place)
{
    const struct rig *r = user;

    return place == SECOND ? r->second.up : r->up;
}

static int second_report(struct rig *r, uint32_t id, bool repeat)
{
    if (!r->second.up)
        return -ENOTCONN;
    if (r->second.takes-- <= 0)
        return -ENOBUFS;
    see(r, "%s%" PRIu32 "b", repeat ? "again" : "new", id);
    return 0;
}

static int cloud_report(void *user, unsigned place, uint32_t id, struct ag_span text, uint32_t at_s, bool repeat)
{
    struct rig *r = user;

    (void) text;
    if (place == SECOND)
        return second_report(r, id, repeat);
    if (!r->up)
        return -ENOTCONN;
    if (r->answer)
        return r->answer;
    if (r->takes-- <= 0)
        return -ENOBUFS;
    if (at_s > 0)
        see(r, "%s%" PRIu32 "@%ld", repeat ? "again" : "new", id, (long) at_s - UNIX);
    else
        see(r, "%s%" PRIu32, repeat ? "again" : "new", id);
    if (r->acks_within)
        assert_true(report_path_acked(&r->path, 0, id) == repeat);
    return 0;
}

static bool cloud_has_room(void *user, unsigned place)
{
    const struct rig *r = user;

    return !r->says || (place == SECOND ? r->second.takes : r->takes) > 0;
}

static int cloud_carries(void *user, unsigned place, struct ag_span text)
{
    const struct rig *r = user;

    (void) text;
    return place == SECOND ? r->second.carries : r->carries;
}

static void queued(void *user, uint32_t id)
{
    see(user, "queued%" PRIu32, id);
}

static void failed(void *user, uint32_t id, int code, const char *message)
{
    (void) message;
    see(user, "failed%" PRIu32 ":%d", id, code);
}

static bool is_awaited(void *user, uint32_t id)
{
    return ((struct rig *) user)->awaited == id;
}

static void time_of(void *user, struct report_time *out)
{
    *out = ((struct rig *) user)->now;
}

static void closed(void *user)
{
    see(user, "closed");
}

static const struct report_host host = {cloud_takes, cloud_report, cloud_has_room, cloud_carries, queued,
                                        failed,      is_awaited,   time_of,        closed};

static const struct route_cloud one[] = {{"ot", 0}}, two[] = {{"ot", 0}, {"mqtt", SECOND}};

static void rig_open_with(struct rig *r, const char *settings, const struct route_cloud *clouds, unsigned n)
{
    struct report_path_env env = {.conf = &r->conf, .clouds = clouds, .n_clouds = n, .path = "fake", .host = &host, .user = r};
    struct device_conf_error err;
    char text[512], error[128];

    *r = (struct rig){.takes = 1000, .second.takes = 1000, .now = {.now_ms = 1000000, .boot = 7, .unix_s = UNIX, .sure = true}};
    snprintf(text, sizeof text, ID "%s", settings);
    assert_int_equal(device_conf_parse(&r->conf, text, strlen(text), &err), 0);
    assert_int_equal(report_path_open(&r->path, &env, error, sizeof error), 0);
}

static void rig_open(struct rig *r, const char *settings)
{
    rig_open_with(r, settings, one, 1);
}

static void rig_close(struct rig *r)
{
    report_path_close(&r->path);
    report_path_deinit(&r->path);
    device_conf_deinit(&r->conf);
    ag_buf_deinit(&r->seen);
}

static void report(struct rig *r, uint32_t id)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"event.e\",\"params\":[%" PRIu32 "]}", id, id),
        e = report_path_report(&r->path, id, (struct ag_span){text, (size_t) n}, false);

    if (e < 0)
        see(r, "refused%" PRIu32 ":%s", id, e == -ENOTCONN ? "away" : e == -ENOBUFS ? "full" : e == -EMSGSIZE ? "large" : "?");
}

/* What happened since the last look, exactly. */
#define saw(r, text)                                                                                                             \
    do {                                                                                                                         \
        if (ag_buf_size(&(r)->seen) > 0)                                                                                         \
            (r)->seen.len--;                                                                                                     \
        assert_string_equal(ag_buf_cstr(&(r)->seen), text);                                                                      \
        ag_buf_clear(&(r)->seen);                                                                                                \
    } while (0)

static int fresh_disk(void **state)
{
    (void) state;
    memset(&disk, 0, sizeof disk);
    return 0;
}

static void comes_up(struct rig *r)
{
    r->up = true;
    report_path_pump(&r->path, 0);
}

static void goes_down(struct rig *r)
{
    r->up = false;
    report_path_lost(&r->path, 0);
}

/* ---- rows ---- */

static void straight_through_while_the_cloud_is_there(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    report(&r, 1);
    report(&r, 2);
    saw(&r, "new1 new2");
    assert_true(report_path_has(&r.path, 1));
    assert_false(report_path_acked(&r.path, 0, 1)); /* the uplink tells the application */
    assert_false(report_path_has(&r.path, 1));
    r.takes = 0;
    report(&r, 3);
    saw(&r, "refused3:full"); /* the uplink offers it again */
    assert_false(report_path_has(&r.path, 3));
    assert_int_equal(r.path.lanes[0].given.n, 1);
    r.answer = -EMSGSIZE;
    report(&r, 4);
    saw(&r, "refused4:large");
    rig_close(&r);
}

static void kept_and_told_only_when_on_the_disk(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    report(&r, 2);
    saw(&r, "");
    assert_true(report_path_is_busy(&r.path));
    disk_commits(0);
    saw(&r, "queued1 queued2");
    assert_false(report_path_is_busy(&r.path)); /* nothing to do before the cloud is back */
    report(&r, 3);
    comes_up(&r);
    saw(&r, "again1@0 again2@0"); /* 3 is not safe yet */
    assert_true(report_path_is_busy(&r.path));
    disk_commits(0);
    saw(&r, "queued3 again3@0");
    report(&r, 4); /* nothing waits any more: those on their way are in front */
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
    report(&r, 1);
    report(&r, 2);
    disk_commits(-ENOSPC);
    saw(&r, "failed1:-32000 failed2:-32000");
    assert_false(report_path_has(&r.path, 1));
    disk.ready = -EROFS;
    report(&r, 3);
    saw(&r, "failed3:-32000");
    assert_int_equal(r.path.n_refused, 3);
    comes_up(&r); /* all else works */
    report(&r, 4);
    saw(&r, "new4");
    goes_down(&r);
    saw(&r, "failed4:-32002");
    disk.ready = 0;
    report(&r, 5);
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
    report(&r, 1);
    saw(&r, "refused1:large");
    disk_commits(0);
    comes_up(&r);
    saw(&r, "");
    rig_close(&r);
}

static void a_lost_session_keeps_what_was_under_way_in_front(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.up = true;
    report(&r, 1);
    report(&r, 2);
    assert_false(report_path_acked(&r.path, 0, 1));
    report(&r, 3);
    saw(&r, "new1 new2 new3");
    r.now.now_ms += 60000;
    r.now.unix_s += 60;
    goes_down(&r);
    report(&r, 4);
    disk_commits(0);
    saw(&r, "queued2 queued3 queued4");
    r.now.now_ms += 60000;
    r.now.unix_s += 60;
    comes_up(&r);
    saw(&r, "again2@0 again3@0 again4@60"); /* at the time of the report, not of the loss */
    assert_true(report_path_acked(&r.path, 0, 3));
    goes_down(&r);
    saw(&r, "");
    comes_up(&r);
    saw(&r, "again2@0 again4@60");
    rig_close(&r);
}

static void a_cloud_that_acknowledges_within_the_call(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    r.acks_within = true;
    report(&r, 1);
    report(&r, 2);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    comes_up(&r);
    report(&r, 3);
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
        report(&r, id);
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3 queued4");
    r.takes = 2;
    comes_up(&r);
    saw(&r, "again1@0 again2@0");
    report(&r, 5); /* behind 3 and 4 */
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
        report(&r, id);
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3 queued4");
    r.says = true;
    r.takes = 2;
    disk.n_reads = 0;
    comes_up(&r);
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
    report(&r, 1);
    report(&r, 2);
    disk_commits(0);
    comes_up(&r);
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
    report(&r, 1);
    report(&r, 2);
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

        fresh_disk(NULL);
        rig_open(&r, "");
        report(&r, 1);
        r.now.now_ms += 5000;
        r.now.unix_s = (uint32_t) ((long) r.now.unix_s + steps_s[i]);
        report(&r, 2);
        disk_commits(0);
        r.now.now_ms += 5000;
        r.now.unix_s += 5;
        saw(&r, "queued1 queued2");
        comes_up(&r);
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
    report(&r, 1);
    disk_commits(0);
    r.now.now_ms += 100001;
    r.now.unix_s -= 50; /* by this one it would be in the future */
    report(&r, 2);
    disk_commits(0);
    comes_up(&r);
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

        fresh_disk(NULL);
        rig_open(&r, "spool_max_age_s=100\n");
        r.now.sure = rows[i].was_sure;
        r.now.boot = rows[i].boot ? 7 : 0;
        r.now.unix_s = (uint32_t) (UNIX + rows[i].was_s);
        report(&r, 1);
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
            report_path_open(&r.path,
                             &(struct report_path_env){
                                 .conf = &r.conf, .clouds = one, .n_clouds = 1, .path = "fake", .host = &host, .user = &r},
                             (char[99]){0}, 99),
            0);
        comes_up(&r);
        saw(&r, rows[i].want);
        rig_close(&r);
    }
}

static void the_next_start_goes_on_where_this_one_ended(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    disk_commits(0);
    r.up = true;
    rig_close(&r);
    rig_open(&r, "");
    report(&r, 2); /* its number must not be that of 1 */
    disk_commits(0);
    report(&r, 3);
    saw(&r, "queued2"); /* nobody is told of 3: it is not there yet */
    rig_close(&r);      /* but it is now */
    rig_open(&r, "");
    comes_up(&r);
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
    report(&r, 1);
    report(&r, 2);
    report(&r, 3);
    saw(&r, "new1 new2 new3");
    rig_close(&r);
    rig_open(&r, "");
    comes_up(&r);
    saw(&r, "again1@0 again3@0");
    rig_close(&r);
}

static void nothing_of_the_last_owner_is_left(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    disk_commits(0);
    comes_up(&r);
    report(&r, 2);
    saw(&r, "queued1 again1@0 new2");
    goes_down(&r);
    report(&r, 3);
    r.up = true;
    report(&r, 4); /* kept: 2 and 3 wait */
    saw(&r, "");
    assert_int_equal(report_path_forget(&r.path), 0);
    assert_int_equal(disk.n_wiped, 1);
    assert_true(report_queue_empty(&r.path.lanes[0].queue));
    report_path_pump(&r.path, 0);
    goes_down(&r);
    comes_up(&r);
    saw(&r, "");
    report(&r, 5);
    saw(&r, "new5");
    assert_int_equal(report_path_forget(&r.path), 0); /* with one at the cloud */
    saw(&r, "failed5:-32002");
    goes_down(&r);
    disk_commits(0);
    comes_up(&r);
    saw(&r, "");
    disk.wipe_error = -EROFS;
    assert_int_equal(report_path_forget(&r.path), -EROFS);
    rig_close(&r);
    rig_open(&r, "");
    comes_up(&r);
    saw(&r, "");
    rig_close(&r);
}

static void what_cannot_be_read_is_counted_and_the_rest_goes_on(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    report(&r, 2);
    disk_commits(0);
    disk.read_error = -EBADMSG; /* damaged: it will not get better */
    comes_up(&r);
    saw(&r, "queued1 queued2");
    assert_int_equal(r.path.lanes[0].queue.n_unreadable, 2);
    assert_true(report_queue_empty(&r.path.lanes[0].queue));
    disk.read_error = 0;
    report(&r, 3);
    saw(&r, "new3");
    rig_close(&r);
}

static void what_the_disk_does_not_give_is_read_again_in_order(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    report(&r, 2);
    disk_commits(0);
    disk.read_error = -EIO;
    comes_up(&r);
    saw(&r, "queued1 queued2");
    assert_int_equal(report_path_next_deadline(&r.path), 1002000);
    report_path_pump(&r.path, 0); /* whatever else happens meanwhile: not yet */
    assert_int_equal(disk.n_reads, 1);
    goes_down(&r);
    comes_up(&r);
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
        report(&r, id);
    disk_commits(0);
    ag_buf_clear(&r.seen);
    disk.read_error = -EIO;
    comes_up(&r);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r.path.lanes[0].queue.n_unreadable, 0);
        r.now.now_ms += 2000;
        report_path_expire(&r.path, r.now.now_ms);
    }
    assert_int_equal(r.path.lanes[0].queue.n_unreadable, 20); /* the first one was waited for, those behind it are not */
    assert_true(report_path_next_deadline(&r.path) == UINT64_MAX);
    report(&r, 21);
    saw(&r, "new21");
    goes_down(&r);
    report(&r, 22); /* a disk that gives again is waited for again */
    report(&r, 23);
    disk.read_error = 0;
    disk_commits(0);
    comes_up(&r);
    ag_buf_clear(&r.seen);
    goes_down(&r);
    disk.read_error = -EIO;
    comes_up(&r);
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
        assert_int_equal(report_path_report(&r.path, 1, text, false), -ENOTCONN);
        r.up = true;
        assert_int_equal(report_path_report(&r.path, 1, text, false), 0);
        saw(&r, "new1");
        assert_false(report_path_has(&r.path, 1));
    }
    rig_close(&r);
}

/* ---- several clouds ---- */

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
    rig_open_with(&r, "", two, 2);
    r.up = r.second.up = true;
    report(&r, 1);
    report(&r, 2);
    report(&r, 3);
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
    rig_open_with(&r, "", two, 2);
    r.up = true;
    report(&r, 1);
    assert_false(report_path_acked(&r.path, 0, 1));
    report(&r, 2);
    disk_commits(0);
    saw(&r, "new1 new2"); /* not "queued": that is the first one's word */
    r.second.takes = 1;
    second_comes(&r);
    report(&r, 3);
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
    rig_open_with(&r, "", two, 2);
    r.second.up = true;
    report(&r, 1);
    saw(&r, "");
    disk_commits(0);
    saw(&r, "queued1 again1b");
    assert_true(report_path_acked(&r.path, SECOND, 1));
    comes_up(&r);
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
    rig_open_with(&r, "", two, 2);
    r.up = r.second.up = true;
    report(&r, 1);
    report(&r, 2);
    report(&r, 3);
    assert_true(report_path_acked(&r.path, SECOND, 1));
    saw(&r, "new1 new1b new2 new2b new3 new3b");
    goes_down(&r);
    assert_int_equal(r.path.lanes[SECOND].given.n, 0);
    assert_true(report_path_acked(&r.path, SECOND, 2)); /* before it is on the disk */
    disk_commits(0);
    saw(&r, "queued1 queued2 queued3");
    assert_int_equal(record_of(1)->needs, 1);
    assert_int_equal(record_of(2)->needs, 1);
    assert_int_equal(record_of(3)->needs, 1 | 1 << SECOND);
    rig_close(&r);
    rig_open_with(&r, "", two, 2);
    second_comes(&r);
    comes_up(&r);
    saw(&r, "again3b again1@0 again2@0 again3@0");
    rig_close(&r);
}

/* One record for both; it goes when the last one has it, over a restart too. */
static void one_record_for_all_who_need_it(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", two, 2);
    report(&r, 1);
    report(&r, 2);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    assert_int_equal(n_on_disk(), 2);
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1) && report_path_acked(&r.path, SECOND, 2));
    saw(&r, "again1b again2b");
    assert_int_equal(n_on_disk(), 2);
    comes_up(&r);
    assert_true(report_path_acked(&r.path, 0, 1));
    saw(&r, "again1@0 again2@0");
    assert_int_equal(n_on_disk(), 1);
    rig_close(&r);
    rig_open_with(&r, "", two, 2);
    second_comes(&r);
    comes_up(&r);
    saw(&r, "again2@0");
    rig_close(&r);
}

/* A lost session of each keeps its own part; at the end of the program too. */
static void what_was_under_way_is_kept_for_each(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "", two, 2);
    r.up = r.second.up = true;
    report(&r, 1);
    report(&r, 2);
    saw(&r, "new1 new1b new2 new2b");
    r.second.up = false;
    report_path_lost(&r.path, SECOND);
    disk_commits(0);
    saw(&r, "");
    goes_down(&r);
    disk_commits(0);
    saw(&r, "queued1 queued2");
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1) && report_path_acked(&r.path, SECOND, 2));
    report(&r, 3);
    saw(&r, "again1b again2b");
    rig_close(&r); /* 3 was on its way to the disk */
    rig_open_with(&r, "", two, 2);
    second_comes(&r);
    comes_up(&r);
    saw(&r, "again3b again1@0 again2@0 again3@0");
    rig_close(&r);
}

static void each_is_bounded_by_its_own_share(void **state)
{
    struct rig r;

    (void) state;
    rig_open_with(&r, "spool_max_reports=4\n", two, 2);
    for (uint32_t id = 1; id <= 3; id++)
        report(&r, id);
    disk_commits(0);
    comes_up(&r);
    for (uint32_t id = 1; id <= 3; id++)
        assert_true(report_path_acked(&r.path, 0, id));
    for (uint32_t id = 4; id <= 9; id++) {
        report(&r, id);
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
    rig_open_with(&r, "", two, 2);
    r.up = true;
    disk.ready = -ENOSPC;
    report(&r, 1);
    disk.ready = 0;
    report(&r, 2);
    disk_commits(-EIO);
    saw(&r, "new1 new2");
    assert_int_equal(r.path.lanes[SECOND].n_lost, 2);
    assert_int_equal(r.path.n_refused, 0);
    assert_false(report_path_acked(&r.path, 0, 2));
    r.second.carries = -EMSGSIZE;
    report(&r, 3);
    disk_commits(0);
    saw(&r, "new3");
    assert_int_equal(r.path.lanes[SECOND].n_lost, 3);
    goes_down(&r);
    disk.ready = -ENOSPC;
    report(&r, 4);
    saw(&r, "failed4:-32000");
    rig_close(&r);
}

static void a_mute_second_is_given_what_it_has_room_for(void **state)
{
    struct rig r;
    unsigned n;

    (void) state;
    rig_open_with(&r, "", two, 2);
    r.up = r.second.up = true;
    r.second.takes = 3;
    for (uint32_t id = 1; id <= 6; id++) {
        report(&r, id);
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
    rig_open_with(&r, "", two, 2);
    report(&r, 1);
    disk_commits(0);
    rig_close(&r);
    rig_open(&r, ""); /* the second was taken out: it gives up its part */
    assert_int_equal(r.path.n_unlisted, 1);
    assert_int_equal(r.path.lanes[SECOND].queue.n, 0);
    report(&r, 2);
    disk_commits(0);
    rig_close(&r);
    rig_open_with(&r, "", two, 2); /* and put in: it gets nothing older */
    second_comes(&r);
    report(&r, 3);
    disk_commits(0);
    saw(&r, "queued3 again3b");
    assert_true(report_path_acked(&r.path, SECOND, 3));
    assert_int_equal(route_table_make(&t, two + 1, 1, &r.conf, &err), 0);
    report_path_take_route(&r.path, &t); /* while it runs: the first one goes */
    assert_int_equal(n_on_disk(), 0);
    assert_int_equal(r.path.n_unlisted, 3);
    report(&r, 4);
    assert_false(report_path_acked(&r.path, SECOND, 4)); /* the second one tells from now on */
    saw(&r, "new4b");
    rig_close(&r);
}

static void a_record_without_a_name_is_the_primarys(void **state)
{
    struct rig r;

    (void) state;
    rig_open(&r, "");
    report(&r, 1);
    disk_commits(0);
    rig_close(&r);
    record_of(1)->needs = 0x8000;
    rig_open_with(&r, "", two, 2);
    second_comes(&r);
    comes_up(&r);
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
    rig_open_with(&r, "route.event.e=mqtt\nroute._sync.*=all\n", two, 2);
    r.up = true;
    report(&r, 1);
    disk_commits(0);
    saw(&r, "queued1"); /* the second is the only one, so its word counts */
    second_comes(&r);
    assert_true(report_path_acked(&r.path, SECOND, 1));
    report(&r, 2);
    assert_false(report_path_acked(&r.path, SECOND, 2));
    saw(&r, "again1b new2b");
    assert_int_equal(report_path_report(&r.path, 7, ask, false), 0); /* no report, but for all */
    saw(&r, "new7 new7b");
    assert_true(report_path_acked(&r.path, SECOND, 7));
    assert_false(report_path_acked(&r.path, 0, 7));
    assert_int_equal(report_path_report(&r.path, 8, ask, false), 0);
    report_path_lost(&r.path, SECOND); /* it is not kept */
    assert_int_equal(r.path.lanes[SECOND].n_lost, 1);
    assert_int_equal(n_on_disk(), 0);
    ag_buf_clear(&r.seen);
    rig_close(&r);
}

int main(void)
{
#define row(name) cmocka_unit_test_setup(name, fresh_disk)
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
