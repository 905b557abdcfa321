/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/report/report_rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ID "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=cool\nmodel=cool.prod.v1\n"

/* ---- the store ---- */

struct disk disk;

struct record *disk_record(uint64_t seq)
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
        struct record *r = disk_record(seq);

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
    assert_null(disk_record(seq));
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
    struct record *r = disk_record(seq);

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
    struct record *r = disk_record(seq);

    (void) s;
    if (r && r->needs & from)
        r->needs = (r->needs & ~from) | to;
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    struct record *r = disk_record(seq);

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
void disk_commits(int r)
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

void rig_see(struct rig *r, const char *fmt, ...)
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
    rig_see(r, "%s%" PRIu32 "b", repeat ? "again" : "new", id);
    return 0;
}

static int cloud_report(void *user, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                        uint32_t at_s, bool repeat)
{
    struct rig *r = user;
    struct ag_json_view own;

    (void) text;
    assert_true(!view || (ag_json_parse(&text, 16, &own) == 0 && own.at[AG_M_METHOD].value == view->at[AG_M_METHOD].value));
    if (place == SECOND)
        return second_report(r, id, repeat);
    if (!r->up)
        return -ENOTCONN;
    if (r->answer)
        return r->answer;
    if (r->takes-- <= 0)
        return -ENOBUFS;
    if (at_s > 0)
        rig_see(r, "%s%" PRIu32 "@%ld", repeat ? "again" : "new", id, (long) at_s - UNIX);
    else
        rig_see(r, "%s%" PRIu32, repeat ? "again" : "new", id);
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
    rig_see(user, "queued%" PRIu32, id);
}

static void failed(void *user, uint32_t id, int code, const char *message)
{
    (void) message;
    rig_see(user, "failed%" PRIu32 ":%d", id, code);
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
    rig_see(user, "closed");
}

const struct report_host rig_host = {cloud_takes, cloud_report, cloud_has_room, cloud_carries, queued,
                                     failed,      is_awaited,   time_of,        closed};

const struct route_cloud rig_one[1] = {{"ot", 0}}, rig_two[2] = {{"ot", 0}, {"mqtt", SECOND}};

void rig_open_with(struct rig *r, const char *settings, const struct route_cloud *clouds, unsigned n)
{
    struct report_path_env env = {
        .conf = &r->conf, .clouds = clouds, .n_clouds = n, .path = "fake", .host = &rig_host, .user = r};
    struct device_conf_error err;
    char text[512], error[128];

    *r = (struct rig){.takes = 1000, .second.takes = 1000, .now = {.now_ms = 1000000, .boot = 7, .unix_s = UNIX, .sure = true}};
    snprintf(text, sizeof text, ID "%s", settings);
    assert_int_equal(device_conf_parse(&r->conf, text, strlen(text), &err), 0);
    assert_int_equal(report_path_open(&r->path, &env, error, sizeof error), 0);
}

void rig_open(struct rig *r, const char *settings)
{
    rig_open_with(r, settings, rig_one, 1);
}

void rig_close(struct rig *r)
{
    report_path_close(&r->path);
    report_path_deinit(&r->path);
    device_conf_deinit(&r->conf);
    ag_buf_deinit(&r->seen);
}

void rig_report(struct rig *r, uint32_t id)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"event.e\",\"params\":[%" PRIu32 "]}", id, id),
        e = report_path_report(&r->path, id, (struct ag_span){text, (size_t) n}, NULL, false);

    if (e < 0)
        rig_see(r, "refused%" PRIu32 ":%s", id,
                e == -ENOTCONN   ? "away"
                : e == -ENOBUFS  ? "full"
                : e == -EMSGSIZE ? "large"
                                 : "?");
}

int disk_begin(void **state)
{
    (void) state;
    memset(&disk, 0, sizeof disk);
    return 0;
}

void rig_comes_up(struct rig *r)
{
    r->up = true;
    report_path_pump(&r->path, 0);
}

void rig_goes_down(struct rig *r)
{
    r->up = false;
    report_path_lost(&r->path, 0);
}
