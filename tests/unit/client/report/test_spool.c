/* SPDX-License-Identifier: MIT */
/*
 * The store on a real file system: what it has told as stored is there at the next start, whatever fails in between; what
 * stands in the file's place, or happens to it while it is in use, ends in a line of the log and a store that works.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/report/core/spool_form.h"
#include "client/report/io/spool.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"

enum { MAX = 2000 };

/* ---- a disk that fails ---- */

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SHORT, FAULT_SYNC, FAULT_READ };

static struct {
    enum fault kind;
    int error;
    unsigned skip, times; /* calls of that kind that go well; then so many fail */
    unsigned n_hit;
    bool dirty; /* written since the last fdatasync() */
} disk;

static uint64_t bad_sector; /* a byte that no read gives; 0: none */

static bool disk_fails(enum fault kind)
{
    if (disk.kind != kind || disk.times == 0)
        return false;
    if (disk.skip > 0) {
        disk.skip--;
        return false;
    }
    disk.times--;
    disk.n_hit++;
    errno = disk.error;
    return true;
}

/* With 64-bit offsets the C library's names end in 64. */
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
int __wrap_fdatasync(int fd);

/* ---- time: a pause of a second or more ends at once, and the clock has gone on by as much ---- */

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat);

static struct {
    uint64_t ahead_ms, pause_ms;
    uv_timer_cb cb;
} leap;

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return __real_uv_now(loop) + leap.ahead_ms;
}

static void after_pause(uv_timer_t *t)
{
    leap.ahead_ms += leap.pause_ms;
    leap.cb(t);
}

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
    if (ms < 1000)
        return __real_uv_timer_start(t, cb, ms, repeat);
    leap.pause_ms = ms;
    leap.cb = cb;
    return __real_uv_timer_start(t, after_pause, 1, repeat);
}

/* ---- the calls that fail ---- */

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
    if (disk_fails(FAULT_WRITE))
        return -1;
    if (disk_fails(FAULT_SHORT)) { /* half of it, and the rest fails */
        disk.kind = FAULT_WRITE;
        disk.times++;
        return n > 1 ? __real_pwrite64(fd, p, n / 2, at) : -1;
    }
    disk.dirty = true;
    return __real_pwrite64(fd, p, n, at);
}

ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at)
{
    if (bad_sector && (uint64_t) at <= bad_sector && bad_sector < (uint64_t) at + n) {
        errno = EIO;
        return -1;
    }
    return disk_fails(FAULT_READ) ? -1 : __real_pread64(fd, p, n, at);
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    return __wrap_pwrite64(fd, p, n, at);
}

ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at)
{
    return __wrap_pread64(fd, p, n, at);
}

int __wrap_fdatasync(int fd)
{
    (void) fd;
    if (disk_fails(FAULT_SYNC))
        return -1;
    disk.dirty = false;
    return 0; /* the test's speed is not the disk's */
}

/* ---- a store and what it tells ---- */

struct rig {
    uv_loop_t loop;
    struct spool *s;
    char dir[64], path[96];
    int stored[MAX]; /* by number: 1 not yet, 0 stored, negative failed */
    bool found[MAX];
    unsigned needs[MAX]; /* of those found */
    unsigned n_found, n_stored, n_again;
    uint64_t last_found;
    bool closed;
    bool is_old; /* its records are not of put()'s form */
};

static int on_found(void *user, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    struct rig *r = user;
    char want[64];

    assert_true(seq < MAX && seq > r->last_found);
    snprintf(want, sizeof want, "{\"id\":%u}", (unsigned) seq);
    assert_true(r->is_old || ag_span_is(rec->text, want, strlen(want)));
    assert_true(r->is_old || rec->id == seq);
    r->last_found = seq;
    r->found[seq] = true;
    r->needs[seq] = needs;
    r->n_found++;
    return 0;
}

static void on_stored(void *user, uint64_t seq, uint32_t id, int result)
{
    struct rig *r = user;

    assert_int_equal(seq, id);
    assert_int_equal(r->stored[seq], 1);
    assert_false(result == 0 && disk.dirty); /* "queued" is a promise */
    r->stored[seq] = result;
    r->n_stored++;
}

static void on_again(void *user)
{
    ((struct rig *) user)->n_again++;
}

static void on_closed(void *user)
{
    ((struct rig *) user)->closed = true;
}

static const struct spool_events events = {on_found, on_again, on_stored, on_closed};

static void rig_make(struct rig *r)
{
    *r = (struct rig){.dir = "/tmp/miio_spool.XXXXXX"};
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/reports.mdb", r->dir);
    assert_int_equal(uv_loop_init(&r->loop), 0);
}

static void rig_open(struct rig *r)
{
    memset(r->found, 0, sizeof r->found);
    r->n_found = 0;
    r->last_found = 0;
    r->closed = false;
    assert_int_equal(spool_open(&r->s, &r->loop, r->path, &events, r), 0);
}

static void put_for(struct rig *r, uint64_t seq, unsigned needs)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%u}", (unsigned) seq);
    struct spool_record rec = {.id = (uint32_t) seq, .at_s = 1, .text = {text, (size_t) n}};

    r->stored[seq] = 1;
    assert_int_equal(spool_put(r->s, seq, needs, &rec), 0);
}

static void put(struct rig *r, uint64_t seq)
{
    put_for(r, seq, 1);
}

static int wait_for(struct rig *r, uint64_t seq)
{
    while (r->stored[seq] == 1)
        uv_run(&r->loop, UV_RUN_ONCE);
    return r->stored[seq];
}

static int keep(struct rig *r, uint64_t seq)
{
    put(r, seq);
    return wait_for(r, seq);
}

static void rig_close(struct rig *r)
{
    spool_close(r->s);
    while (!r->closed)
        uv_run(&r->loop, UV_RUN_ONCE);
}

static void run(const char *fmt, ...) ag_printf_like(1, 2);

static void run(const char *fmt, ...)
{
    char command[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void rig_end(struct rig *r)
{
    static const char *const ends[] = {"", ".bad", ".bad2", ".tmp", ".old"};
    char name[128];

    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    for (size_t i = 0; i < ag_array_size(ends); i++) {
        snprintf(name, sizeof name, "%s%s", r->path, ends[i]);
        unlink(name);
    }
    if (rmdir(r->dir) < 0)
        run("rm -rf %s", r->dir);
}

static void copy(const char *from, const char *to)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf bytes = AG_BUF_INIT;
    FILE *f = fopen(to, "w");

    assert_non_null(f);
    assert_int_equal(ag_file_read(from, 1 << 20, &bytes), 0);
    assert_int_equal(fwrite(bytes.data, 1, ag_buf_size(&bytes), f), ag_buf_size(&bytes));
    assert_int_equal(fclose(f), 0);
}

static bool is_there(const struct rig *r, const char *end)
{
    char name[128];
    struct stat st;

    snprintf(name, sizeof name, "%s%s", r->path, end);
    return lstat(name, &st) == 0;
}

/* ---- rows ---- */

static void what_is_stored_is_found(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct stat st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), 0);
    assert_false(is_there(&r, "")); /* no file before there is something to keep */
    for (uint64_t seq = 1; seq <= 50; seq++)
        put(&r, seq);
    assert_int_equal(wait_for(&r, 50), 0);
    assert_int_equal(r.n_stored, 50);
    assert_int_equal(stat(r.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(spool_read(r.s, 7, &text), 0);
    assert_true(ag_span_is(ag_buf_span(&text), "{\"id\":7}", 8));
    for (uint64_t seq = 1; seq <= 50; seq += 2)
        assert_int_equal(spool_remove(r.s, seq), 0);
    assert_int_equal(spool_remove(r.s, 999), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 25);
    assert_true(r.found[2] && !r.found[1]);
    assert_int_equal(spool_read(r.s, 7, &text), -ENOENT);
    assert_int_equal(keep(&r, 51), 0);
    rig_close(&r);
    assert_false(is_there(&r, ".bad"));
    rig_end(&r);
}

/* Removed before it was on the disk: it is told so, and does not come again. */
static void removed_on_its_way(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    put(&r, 1);
    put(&r, 2);
    spool_remove(r.s, 1);
    assert_int_equal(wait_for(&r, 2), 0);
    assert_int_equal(r.stored[1], -ECANCELED);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 1);
    rig_close(&r);
    rig_end(&r);
}

/* Each of the set has done with a record in its own time, while it is on its way too; the next start knows who has not. */
static void each_reader_takes_its_part(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 5; seq++)
        put_for(&r, seq, 7);
    spool_release(r.s, 4, 1); /* not on the disk yet */
    spool_release(r.s, 5, 1);
    spool_release(r.s, 5, 6);
    assert_int_equal(wait_for(&r, 5), -ECANCELED);
    assert_int_equal(r.stored[4], 0);
    spool_release(r.s, 1, 1);
    spool_release(r.s, 2, 3);
    spool_release(r.s, 3, 1);
    assert_int_equal(keep(&r, 6), 0);
    spool_release(r.s, 3, 4);
    spool_release(r.s, 3, 4); /* twice is once */
    spool_release(r.s, 3, 2);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 4);
    assert_true(r.needs[1] == 6 && r.needs[2] == 4 && r.needs[4] == 6 && r.needs[6] == 1);
    assert_int_equal(spool_hand_over(r.s, 6, 1, 8), 0);
    assert_int_equal(spool_hand_over(r.s, 1, 1, 8), 0); /* it has no such bit */
    rig_close(&r);
    rig_open(&r);
    assert_true(r.needs[1] == 6 && r.needs[6] == 8);
    for (uint64_t seq = 100; seq < 1900; seq++)
        put_for(&r, seq, 3);
    assert_int_equal(wait_for(&r, 1899), 0);
    for (uint64_t seq = 100; seq < 1890; seq++)
        spool_release(r.s, seq, seq < 1800 ? 3 : 1);
    assert_int_equal(keep(&r, 1900), 0);
    assert_int_equal(keep(&r, 1901), 0); /* the file has been rewritten */
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 4 + 100 + 2);
    assert_true(r.needs[1800] == 2 && r.needs[1889] == 2 && r.needs[1890] == 3 && r.needs[1] == 6);
    rig_close(&r);
    rig_end(&r);
}

static void a_file_does_not_grow_for_ever(void **state)
{
    struct stat st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t round = 0; round < 40; round++) {
        for (uint64_t seq = 1; seq <= 200; seq++)
            put(&r, seq);
        assert_int_equal(wait_for(&r, 200), 0);
        for (uint64_t seq = 1; seq < 200; seq++)
            spool_remove(r.s, seq);
        put(&r, 300);
        assert_int_equal(wait_for(&r, 300), 0);
        spool_remove(r.s, 200);
        spool_remove(r.s, 300);
        while (!spool_is_idle(r.s))
            uv_run(&r.loop, UV_RUN_ONCE);
    }
    assert_int_equal(stat(r.path, &st), 0);
    assert_in_range(st.st_size, SPOOL_HEADS, 400 << 10);
    for (uint64_t seq = 1; seq <= 5; seq++)
        put(&r, seq);
    assert_int_equal(wait_for(&r, 5), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 5);
    rig_close(&r);
    rig_end(&r);
}

/* A disk that fails at each place in turn: what was told as stored is there, the rest was told, and it goes on after. */
static void a_disk_that_fails_anywhere(void **state)
{
    static const struct {
        enum fault kind;
        int error;
    } kinds[] = {{FAULT_WRITE, ENOSPC}, {FAULT_WRITE, EIO}, {FAULT_SHORT, ENOSPC}, {FAULT_SYNC, EIO}};
    unsigned n_rows = 0;

    (void) state;
    for (size_t k = 0; k < ag_array_size(kinds) * 2; k++) {
        for (unsigned skip = 0;; skip++) {
            bool gone[16] = {false}, was_hit;
            struct rig r;

            rig_make(&r);
            rig_open(&r);
            disk.kind = kinds[k / 2].kind;
            disk.error = kinds[k / 2].error;
            disk.skip = skip;
            disk.times = k % 2 ? 1000 : 1; /* once, or until the disk is changed */
            disk.n_hit = 0;
            for (uint64_t seq = 1; seq <= 3; seq++)
                put(&r, seq);
            wait_for(&r, 3);
            spool_remove(r.s, 1);
            spool_remove(r.s, 2);
            keep(&r, 4);
            keep(&r, 5);
            was_hit = disk.n_hit > 0;
            disk.kind = FAULT_NONE;
            assert_int_equal(keep(&r, 6), 0); /* takes the failed removals with it */
            gone[1] = gone[2] = true;
            rig_close(&r);
            rig_open(&r);
            for (uint64_t seq = 1; seq <= 6; seq++)
                assert_int_equal(r.found[seq], r.stored[seq] == 0 && !gone[seq]);
            assert_false(is_there(&r, ".bad"));
            rig_close(&r);
            rig_end(&r);
            n_rows++;
            if (!was_hit)
                break;
        }
    }
    assert_in_range(n_rows, 40, 500);
}

/* The process ends at once while the disk fails: the next one still finds all that was told as stored. */
static void a_disk_that_fails_and_then_the_end(void **state)
{
    (void) state;
    for (unsigned skip = 0; skip < 14; skip++) {
        struct rig r, next;

        rig_make(&r);
        rig_make(&next);
        rig_open(&r);
        keep(&r, 1);
        disk.kind = FAULT_SHORT;
        disk.error = ENOSPC;
        disk.skip = skip;
        disk.times = 1000;
        keep(&r, 2);
        keep(&r, 3);
        disk.kind = FAULT_NONE;
        if (access(r.path, F_OK) == 0)
            copy(r.path, next.path);
        rig_open(&next);
        for (uint64_t seq = 1; seq <= 3; seq++)
            assert_true(r.stored[seq] != 0 || next.found[seq]);
        rig_close(&next);
        rig_end(&next);
        rig_close(&r);
        rig_end(&r);
    }
}

/* What may stand in the file's place. Each time: a line at ERROR, the thing put aside, a store that works. */
static void strangers_in_its_place(void **state)
{
    static const char *const rows[] = {
        "mkdir %s",
        "mkdir %s && touch %s/x",
        "ln -s /etc/passwd %s",
        "ln -s nowhere %s",
        "ln -s %s %s",
        "mkfifo %s",
        ": > %s",
        "echo hello > %s",
        "head -c 100000 /dev/urandom > %s",
        "head -c 100000 /dev/zero > %s",
        "truncate -s 1G %s",
        "printf '\\213miioRP\\n' > %s",
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct spool_stats st;
        char command[400];
        struct rig r;

        rig_make(&r);
        snprintf(command, sizeof command, rows[i], r.path, r.path);
        run("%s", command);
        rig_open(&r);
        assert_int_equal(spool_ready(r.s), 0);
        spool_get_stats(r.s, &st);
        assert_int_equal(st.put_aside, 1);
        assert_true(is_there(&r, ".bad"));
        assert_int_equal(keep(&r, 1), 0);
        rig_close(&r);
        rig_open(&r);
        assert_int_equal(r.n_found, 1);
        rig_close(&r);
        rig_end(&r);
    }
}

/* The kept-aside files are two at most, whatever they are. */
static void not_more_than_two_are_put_aside(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    for (int i = 0; i < 6; i++) {
        run("%s %s", i % 2 ? "mkdir" : "cp /etc/passwd", r.path);
        rig_open(&r);
        assert_int_equal(spool_ready(r.s), 0);
        rig_close(&r);
        run("rm -f %s; test $(ls %s | wc -l) -le 2", r.path, r.dir);
    }
    rig_end(&r);
}

static uint64_t file_size(const struct rig *r)
{
    struct stat st;

    return stat(r->path, &st) == 0 ? (uint64_t) st.st_size : 0;
}

static void write_bytes(const struct rig *r, uint64_t at, const void *p, size_t n)
{
    int fd = open(r->path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(__real_pwrite64(fd, p, n, (off_t) at), n);
    close(fd);
}

static void read_bytes(const struct rig *r, uint64_t at, void *p, size_t n)
{
    int fd = open(r->path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(__real_pread64(fd, p, n, (off_t) at), n);
    close(fd);
}

/* Every page cut off, flipped, zeroed, filled; every head another version's: 10 pages and more of reports. */
static void every_page_damaged(void **state)
{
    enum { REPORTS = 1000, PAGE = 4096, KINDS = 6 };
    ag_cleanup(ag_buf_deinit) struct ag_buf first = AG_BUF_INIT;
    unsigned n_rows = 0, n_saved = 0;
    struct rig whole;
    uint64_t size;

    (void) state;
    rig_make(&whole);
    rig_open(&whole);
    for (uint64_t seq = 1; seq <= REPORTS; seq++)
        put(&whole, seq);
    assert_int_equal(wait_for(&whole, REPORTS), 0);
    rig_close(&whole);
    size = file_size(&whole);
    assert_true(size > 10 * PAGE);
    assert_int_equal(ag_file_read(whole.path, 1 << 20, &first), 0);
    for (uint64_t page = 0; page < (size + PAGE - 1) / PAGE; page++) {
        for (int kind = 0; kind < KINDS; kind++) {
            uint64_t at = page * PAGE, left = size - at, n = left < PAGE ? left : PAGE;
            struct spool_stats st;
            uint8_t bytes[PAGE];
            struct rig r;
            unsigned n_found;

            rig_make(&r);
            copy(whole.path, r.path);
            memset(bytes, kind == 4 ? 0xff : 0, (size_t) n);
            if (kind == 0)
                assert_int_equal(truncate(r.path, (off_t) at), 0);
            else if (kind == 1)
                assert_int_equal(truncate(r.path, (off_t) (at + n / 2)), 0);
            else if (kind == 2)
                write_bytes(&r, at + n / 2, "\x55\xaa", 2);
            else if (kind == 3 || kind == 4)
                write_bytes(&r, at, bytes, (size_t) n);
            else /* the first page in another's place, or behind the end */
                write_bytes(&r, at + PAGE, first.data, PAGE);
            rig_open(&r);
            n_found = r.n_found;
            spool_get_stats(r.s, &st);
            assert_true(st.put_aside == 1 && is_there(&r, ".bad"));
            assert_int_equal(keep(&r, REPORTS + 1), 0);
            rig_close(&r);
            rig_open(&r); /* what was saved is whole */
            assert_int_equal(r.n_found, n_found + 1);
            spool_get_stats(r.s, &st);
            assert_int_equal(st.put_aside, 0);
            rig_close(&r);
            rig_end(&r);
            n_rows++;
            n_saved += n_found;
        }
    }
    assert_true(n_rows >= 60);
    assert_true(n_saved > n_rows * REPORTS / 2); /* most damage costs few reports */
    rig_end(&whole);
}

static void of_another_version(void **state)
{
    static const char other[] = "\x95\x02\x01\x01\x01\xa1x";
    ag_cleanup(ag_buf_deinit) struct ag_buf e = AG_BUF_INIT;
    struct spool_stats st;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(keep(&r, 1), 0);
    rig_close(&r);
    assert_int_equal(spool_form_entry(&e, 2, 1, (struct ag_span){other, 7}), 0); /* a record of a later version behind it */
    write_bytes(&r, file_size(&r), e.data, ag_buf_size(&e));
    rig_open(&r);
    spool_get_stats(r.s, &st);
    assert_true(r.n_found == 1 && st.put_aside == 1 && is_there(&r, ".bad"));
    rig_close(&r);
    write_bytes(&r, 8, "\x03", 1); /* a file of a later version */
    write_bytes(&r, SPOOL_HEAD + 8, "\x03", 1);
    rig_open(&r);
    spool_get_stats(r.s, &st);
    assert_true(r.n_found == 0 && st.put_aside == 1);
    assert_int_equal(keep(&r, 1), 0);
    rig_close(&r);
    rig_end(&r);
}

/* A file as it was when there was one cloud only: read, brought into today's form, and nothing is put aside. */
static void of_version_1(void **state)
{
    struct spool_stats st;
    struct rig r;
    uint8_t version;

    (void) state;
    rig_make(&r);
    copy(FILE_OF_VERSION_1, r.path);
    r.is_old = true;
    rig_open(&r);
    assert_int_equal(r.n_found, 6);
    assert_true(r.found[8] && !r.found[3] && !r.found[6] && r.needs[1] == SPOOL_NEED_UNNAMED);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 0 && st.damaged == 0 && !is_there(&r, ".bad"));
    read_bytes(&r, 8, &version, 1);
    assert_int_equal(version, SPOOL_VERSION);
    spool_hand_over(r.s, 1, SPOOL_NEED_UNNAMED, 4);
    assert_int_equal(keep(&r, 100), 0);
    rig_close(&r);
    rig_open(&r);
    assert_true(r.n_found == 7 && r.needs[1] == 4 && r.needs[2] == SPOOL_NEED_UNNAMED && r.needs[100] == 1);
    rig_close(&r);
    rig_end(&r);
}

/* Such a file has the words and the byte order of its machine: OLD_FILE is of x86-64. */
static bool old_file_is_of_this_machine(void)
{
    return sizeof(size_t) == 8 && *(const uint8_t *) &(uint16_t){1} == 1;
}

/* The file of a version before 0.2, 50 reports (10 of 60 were acknowledged), one of them large: an update loses none. */
static void of_an_earlier_version(void **state)
{
    struct spool_stats st;
    struct rig r;

    (void) state;
    if (!old_file_is_of_this_machine())
        skip();
    rig_make(&r);
    copy(OLD_FILE, r.path);
    r.is_old = true;
    rig_open(&r);
    assert_int_equal(r.n_found, 50);
    assert_true(r.found[20] && r.found[60] && !r.found[1] && !r.found[7]);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 1 && st.damaged == 0 && is_there(&r, ".bad"));
    assert_int_equal(keep(&r, 100), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 51);
    rig_close(&r);
    rig_end(&r);
}

/* That form has no checksums, so a changed text may come out; but nothing else, and nothing dies. */
static void of_an_earlier_version_and_damaged(void **state)
{
    struct rig r;
    struct stat st;
    unsigned n_rows = 0;

    (void) state;
    assert_int_equal(stat(OLD_FILE, &st), 0);
    for (long at = 0; at < st.st_size; at += 1536) {
        for (int kind = 0; kind < 4; kind++) {
            char bytes[512];

            rig_make(&r);
            r.is_old = true;
            copy(OLD_FILE, r.path);
            memset(bytes, kind == 1 ? 0xff : 0, sizeof bytes);
            if (kind < 2)
                write_bytes(&r, (uint64_t) at, bytes, sizeof bytes);
            else if (kind == 2)
                assert_int_equal(truncate(r.path, at + 1), 0);
            else
                write_bytes(&r, (uint64_t) (at + at / 512 % 24), "\x5a", 1);
            rig_open(&r);
            assert_int_equal(spool_ready(r.s), 0);
            assert_true(is_there(&r, ".bad"));
            assert_int_equal(keep(&r, 100), 0);
            rig_close(&r);
            rig_end(&r);
            n_rows++;
        }
    }
    assert_true(n_rows > 100);
}

/* What befalls the file while it is in use: what is told as stored later is in the file that the next start finds. */
static void hands_on_the_file_while_it_is_in_use(void **state)
{
    static const struct {
        const char *command;
        unsigned n_kept; /* of the three that were there */
    } rows[] = {
        {"rm %s", 3},
        {"mv %s %s.old", 3},
        {"rm %s && mkdir %s", 3},
        {"cp %s %s.new && mv %s.new %s", 3},
        {"rm %s && ln -s /dev/null %s", 3},
        {"truncate -s 0 %s", 0},
        {"truncate -s 150 %s", 1},
        {"echo > %s", 0},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        char command[512];
        struct rig r;

        rig_make(&r);
        rig_open(&r);
        for (uint64_t seq = 1; seq <= 3; seq++)
            put(&r, seq);
        assert_int_equal(wait_for(&r, 3), 0);
        snprintf(command, sizeof command, rows[i].command, r.path, r.path, r.path, r.path);
        run("%s", command);
        for (uint64_t seq = 1; seq <= 3; seq++) {
            ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
            int e = spool_read(r.s, seq, &text);

            assert_true(e == 0 || e == -ENODATA || e == -EBADMSG);
        }
        assert_int_equal(keep(&r, 4), 0);
        assert_int_equal(keep(&r, 5), 0);
        rig_close(&r);
        rig_open(&r);
        assert_true(r.found[4] && r.found[5]);
        assert_int_equal(r.n_found, 2 + rows[i].n_kept);
        rig_close(&r);
        rig_end(&r);
    }
}

static void reading_fails(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    assert_int_equal(keep(&r, 1), 0);
    disk.kind = FAULT_READ;
    disk.error = EIO;
    disk.skip = 0;
    disk.times = 1000;
    assert_int_equal(spool_read(r.s, 1, &text), -EIO);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), -EIO);
    rig_close(&r);
    disk.kind = FAULT_NONE;
    rig_open(&r); /* nothing was moved, nothing lost */
    assert_int_equal(r.n_found, 1);
    assert_false(is_there(&r, ".bad"));
    rig_close(&r);
    rig_end(&r);
}

/* Each read of the start fails in turn, once or a few times: the file stays, nothing is kept meanwhile, and when the disk gives
   it the reports are told, each once and in order, whether somebody asks or not. */
static void reading_fails_at_the_start(void **state)
{
    static const char *const files[] = {NULL, FILE_OF_VERSION_1, OLD_FILE};

    (void) state;
    for (size_t f = 0; f < ag_array_size(files) - !old_file_is_of_this_machine(); f++) {
        unsigned n_all = 0;
        bool was_hit = true, failed;

        for (unsigned skip = 0; was_hit; skip++) {
            struct spool_stats st;
            struct rig r;

            rig_make(&r);
            r.is_old = files[f];
            if (files[f]) {
                copy(files[f], r.path);
            } else {
                rig_open(&r);
                for (uint64_t seq = 1; seq <= 5; seq++)
                    put(&r, seq);
                assert_int_equal(wait_for(&r, 5), 0);
                rig_close(&r);
            }
            disk.kind = FAULT_READ;
            disk.error = EIO;
            disk.skip = skip;
            disk.times = 2 + skip % 3; /* what cannot be read in one go is read by itself */
            disk.n_hit = 0;
            rig_open(&r);
            was_hit = disk.n_hit > 0;
            failed = spool_ready(r.s) == -EIO;
            assert_true(failed == was_hit || f == 1); /* one of version 1 can be used as it is */
            spool_get_stats(r.s, &st);
            assert_true(!was_hit || st.put_aside == 0 || f == 2);
            while (failed && (r.n_again == 0 || spool_ready(r.s) < 0))
                uv_run(&r.loop, UV_RUN_ONCE);
            disk.kind = FAULT_NONE;
            n_all = skip == 0 ? r.n_found : n_all;
            assert_true(r.n_found == n_all && n_all > 4);
            assert_int_equal(keep(&r, 900), 0);
            rig_close(&r);
            assert_true(f == 2 || !is_there(&r, ".bad"));
            rig_open(&r);
            assert_int_equal(r.n_found, n_all + 1);
            rig_close(&r);
            rig_end(&r);
        }
    }
}

/* A sector that never comes back: after half an hour it counts as damage, and the rest goes on. */
static void a_sector_that_stays_bad(void **state)
{
    struct spool_stats st;
    struct rig r;
    uint64_t began;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 200; seq++)
        put(&r, seq);
    assert_int_equal(wait_for(&r, 200), 0);
    rig_close(&r);
    bad_sector = 5000;
    rig_open(&r);
    began = uv_now(&r.loop);
    assert_int_equal(spool_ready(r.s), -EIO);
    while (spool_ready(r.s) < 0)
        uv_run(&r.loop, UV_RUN_ONCE);
    bad_sector = 0;
    assert_in_range(uv_now(&r.loop) - began, 1800000, 2400000);
    spool_get_stats(r.s, &st);
    assert_true(st.put_aside == 1 && r.n_found >= 80 && r.n_found < 200);
    assert_int_equal(keep(&r, 201), 0);
    rig_close(&r);
    rig_end(&r);
}

/* A rewriting that meets a read error keeps the large file: what is there is not given up for its room. */
static void reading_fails_while_it_is_rewritten(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    rig_open(&r);
    for (uint64_t seq = 1; seq <= 5; seq++)
        put(&r, seq);
    assert_int_equal(wait_for(&r, 5), 0);
    run("rm %s", r.path); /* rewritten at the next put */
    disk.kind = FAULT_READ;
    disk.error = EIO;
    disk.skip = 0;
    disk.times = 2; /* in one go, and by itself */
    assert_int_equal(keep(&r, 6), -EIO);
    disk.kind = FAULT_NONE;
    assert_int_equal(keep(&r, 7), 0);
    rig_close(&r);
    rig_open(&r);
    assert_int_equal(r.n_found, 6);
    rig_close(&r);
    rig_end(&r);
}

static void one_process_a_folder(void **state)
{
    struct rig r, other;
    int fd;

    (void) state;
    rig_make(&r);
    fd = open(r.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), -EBUSY);
    rig_close(&r);
    close(fd);
    rig_open(&r);
    assert_int_equal(spool_ready(r.s), 0);
    assert_int_equal(keep(&r, 1), 0);
    other = r;
    assert_int_equal(uv_loop_init(&other.loop), 0);
    rig_open(&other);
    assert_int_equal(spool_ready(other.s), -EBUSY);
    assert_int_equal(other.n_found, 0);
    rig_close(&other);
    uv_run(&other.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&other.loop), 0);
    rig_close(&r);
    rig_end(&r);
}

static void no_folder_at_all(void **state)
{
    struct rig r;

    (void) state;
    rig_make(&r);
    strcat(r.path, "/no/such/place");
    rig_open(&r);
    assert_true(spool_ready(r.s) < 0);
    rig_close(&r);
    rig_end(&r);
}

/* A reset: nothing is left, nothing of it comes back, whatever was under way. */
static void wiped(void **state)
{
    bool was_told;
    struct rig r;

    (void) state;
    for (int how = 0; how < 3; how++) {
        rig_make(&r);
        run("echo > %s.bad; echo > %s.bad2; echo > %s.tmp", r.path, r.path, r.path);
        rig_open(&r);
        assert_int_equal(keep(&r, 1), 0);
        put(&r, 2);
        if (how == 1) { /* the worker has it, or had */
            while (uv_backend_timeout(&r.loop) > 0)
                uv_run(&r.loop, UV_RUN_NOWAIT);
            uv_run(&r.loop, UV_RUN_NOWAIT);
        }
        if (how == 2)
            assert_int_equal(wait_for(&r, 2), 0);
        was_told = r.stored[2] == 0;
        assert_int_equal(spool_wipe(r.s), 0);
        run("test -z \"$(ls -A %s)\"", r.dir);
        assert_int_equal(wait_for(&r, 2), was_told ? 0 : -ECANCELED);
        assert_int_equal(keep(&r, 3), 0);
        rig_close(&r);
        rig_open(&r);
        assert_int_equal(r.n_found, 1);
        assert_true(r.found[3]);
        rig_close(&r);
        rig_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_found),
        cmocka_unit_test(removed_on_its_way),
        cmocka_unit_test(each_reader_takes_its_part),
        cmocka_unit_test(a_file_does_not_grow_for_ever),
        cmocka_unit_test(a_disk_that_fails_anywhere),
        cmocka_unit_test(a_disk_that_fails_and_then_the_end),
        cmocka_unit_test(strangers_in_its_place),
        cmocka_unit_test(not_more_than_two_are_put_aside),
        cmocka_unit_test(every_page_damaged),
        cmocka_unit_test(of_another_version),
        cmocka_unit_test(of_version_1),
        cmocka_unit_test(of_an_earlier_version),
        cmocka_unit_test(of_an_earlier_version_and_damaged),
        cmocka_unit_test(hands_on_the_file_while_it_is_in_use),
        cmocka_unit_test(reading_fails),
        cmocka_unit_test(reading_fails_at_the_start),
        cmocka_unit_test(a_sector_that_stays_bad),
        cmocka_unit_test(reading_fails_while_it_is_rewritten),
        cmocka_unit_test(one_process_a_folder),
        cmocka_unit_test(no_folder_at_all),
        cmocka_unit_test(wiped),
    };

    ag_log_open("/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
