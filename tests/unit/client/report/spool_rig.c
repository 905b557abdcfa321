/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/report/spool_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "libagent/io/file.h"

struct faulty_disk disk;
uint64_t bad_sector;

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
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
int __wrap_fdatasync(int fd);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) __attribute__((alias("__wrap_open64")));

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

int __wrap_open64(const char *path, int flags, ...)
{
    unsigned mode = 0;
    va_list ap;

    va_start(ap, flags);
    if (flags & O_CREAT)
        mode = va_arg(ap, unsigned);
    va_end(ap);
    if ((flags & O_ACCMODE) != O_RDONLY && disk_fails(FAULT_OPEN))
        return -1;
    return __real_open64(path, flags, mode);
}

/* ---- a store and what it tells ---- */

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

void rig_make(struct rig *r)
{
    *r = (struct rig){.dir = "/tmp/miio_spool.XXXXXX"};
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof r->path, "%s/reports.mdb", r->dir);
    assert_int_equal(uv_loop_init(&r->loop), 0);
}

void rig_open(struct rig *r)
{
    memset(r->found, 0, sizeof r->found);
    r->n_found = 0;
    r->last_found = 0;
    r->closed = false;
    assert_int_equal(spool_open(&r->s, &r->loop, r->path, &events, r), 0);
}

void rig_put_for(struct rig *r, uint64_t seq, unsigned needs)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%u}", (unsigned) seq);
    struct spool_record rec = {.id = (uint32_t) seq, .at_s = 1, .text = {text, (size_t) n}};

    r->stored[seq] = 1;
    assert_int_equal(spool_put(r->s, seq, needs, &rec), 0);
}

void rig_put(struct rig *r, uint64_t seq)
{
    rig_put_for(r, seq, 1);
}

int rig_wait_for(struct rig *r, uint64_t seq)
{
    while (r->stored[seq] == 1)
        uv_run(&r->loop, UV_RUN_ONCE);
    return r->stored[seq];
}

int rig_keep(struct rig *r, uint64_t seq)
{
    rig_put(r, seq);
    return rig_wait_for(r, seq);
}

void rig_close(struct rig *r)
{
    spool_close(r->s);
    while (!r->closed)
        uv_run(&r->loop, UV_RUN_ONCE);
}

void rig_run(const char *fmt, ...)
{
    char command[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    if (system(command) != 0)
        fail_msg("%s", command);
}

void rig_end(struct rig *r)
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
        rig_run("rm -rf %s", r->dir);
}

void rig_copy(const char *from, const char *to)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf bytes = AG_BUF_INIT;
    FILE *f = fopen(to, "w");

    assert_non_null(f);
    assert_int_equal(ag_file_read(from, 1 << 20, &bytes), 0);
    assert_int_equal(fwrite(bytes.data, 1, ag_buf_size(&bytes), f), ag_buf_size(&bytes));
    assert_int_equal(fclose(f), 0);
}

bool rig_has_file(const struct rig *r, const char *end)
{
    char name[128];
    struct stat st;

    snprintf(name, sizeof name, "%s%s", r->path, end);
    return lstat(name, &st) == 0;
}

bool rig_reads_old_file(void)
{
    return sizeof(size_t) == 8 && *(const uint8_t *) &(uint16_t){1} == 1;
}
