/* SPDX-License-Identifier: MIT */
/*
 * The way of reports with everything around it played: clouds that say what the row wants, a store without a disk, an
 * uplink that writes down the answers, a clock that only the test moves. What happened is one line of words, so that what
 * should not happen is seen as well:
 *
 *     newN  againN  newN@S   a report, given to the first cloud, once more, with its time; newNb: to the second one
 *     queuedN  failedN:CODE  refusedN:WHY  what the application hears
 *     closed                 the store has closed
 */
#ifndef TEST_REPORT_RIG_H
#define TEST_REPORT_RIG_H

/* What cmocka wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "client/report/core/spool_record.h"
#include "client/report/io/spool.h"
#include "client/report/report_path.h"

/* The second cloud's place; the store's room; the time at the beginning. */
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
extern struct disk {
    struct spool spool;
    struct record records[RECORDS];
    int ready, read_error, wipe_error;
    unsigned n_wiped, n_reads;
} disk;

/* NULL: there is none. */
struct record *disk_record(uint64_t seq);
/* What was put is committed; r: how that ends. */
void disk_commits(int r);
/* For cmocka: an empty one. */
int disk_begin(void **state);

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

extern const struct report_host rig_host; /* user is the rig */
extern const struct route_cloud rig_one[1], rig_two[2];

/* settings: lines of device.conf. */
void rig_open(struct rig *r, const char *settings);
void rig_open_with(struct rig *r, const char *settings, const struct route_cloud *clouds, unsigned n);
void rig_close(struct rig *r);
/* From an application. */
void rig_report(struct rig *r, uint32_t id);
void rig_comes_up(struct rig *r);
void rig_goes_down(struct rig *r);
/* A word more. */
void rig_see(struct rig *r, const char *fmt, ...) ag_printf_like(2, 3);

/* What happened since the last look, exactly. */
#define saw(r, text)                                                                                                             \
    do {                                                                                                                         \
        if (ag_buf_size(&(r)->seen) > 0)                                                                                         \
            (r)->seen.len--;                                                                                                     \
        assert_string_equal(ag_buf_cstr(&(r)->seen), text);                                                                      \
        ag_buf_clear(&(r)->seen);                                                                                                \
    } while (0)

#endif
