/* SPDX-License-Identifier: MIT */
#include "client/report/io/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/report/core/spool_old.h"
#include "client/report/core/spool_record.h"
#include "libagent/core/json/json.h"

enum { RECORD_DEPTH = 128, AHEAD = 16 << 10 };

/* "-lock" was left by versions before 0.2. */
static const char *const companions[] = {".tmp", ".bad", ".bad2", "-lock"};

static void fd_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int with_end(const char *path, const char *end, char out[SPOOL_PATH_MAX])
{
    int n = snprintf(out, SPOOL_PATH_MAX, "%s%s", path, end);

    return n > 0 && n < SPOOL_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int open_folder(const char *path)
{
    char folder[SPOOL_PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    if (with_end(path, "", folder) < 0)
        return -ENAMETOOLONG;
    folder[slash ? slash - path + 1 : 0] = '\0';
    fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int sync_folder(const char *path)
{
    ag_cleanup(fd_closep) int fd = open_folder(path);

    if (fd < 0)
        return fd;
    return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

int spool_file_lock(const char *path, int *lock_out)
{
    int fd = open_folder(path);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *lock_out = fd;
        return 0;
    }
    if (errno == EWOULDBLOCK) {
        close(fd);
        return -EBUSY;
    }
    close(fd);
    *lock_out = -1;
    return 0;
}

/* ---- bytes at places ---- */

/* Bytes for a scan, and the first error of the disk while it ran: what the disk did not give is not damage. */
struct reading {
    int fd;
    int error;                 /* -errno */
    struct spool_ahead *ahead; /* NULL: only what is asked for is read */
    uint64_t end;              /* no byte from there on is read ahead: it may change */
};

void spool_ahead_drop(struct spool_ahead *a)
{
    free(a->data);
    *a = (struct spool_ahead){0};
}

static bool is_ahead(const struct spool_ahead *a, uint64_t at, size_t n)
{
    return at >= a->at && at - a->at < a->len && n <= a->len - (size_t) (at - a->at);
}

/* false: it must be read alone. What is next to a bad sector is read separately, so that it is not lost with it. */
static bool read_ahead(const struct reading *reading, uint64_t at, size_t n)
{
    struct spool_ahead *a = reading->ahead;
    ssize_t got;

    if (n > AHEAD / 2 || at >= reading->end || n > reading->end - at)
        return false;
    if (!a->data)
        a->data = malloc(AHEAD);
    if (!a->data)
        return false;
    got = pread(reading->fd, a->data, reading->end - at < AHEAD ? (size_t) (reading->end - at) : (size_t) AHEAD, (off_t) at);
    a->at = at;
    a->len = got > 0 ? (size_t) got : 0;
    return a->len >= n;
}

static int read_at(void *user, uint64_t at, void *out, size_t n)
{
    struct reading *reading = user;
    char *p = out;

    if (reading->ahead && (is_ahead(reading->ahead, at, n) || read_ahead(reading, at, n))) {
        memcpy(out, reading->ahead->data + (at - reading->ahead->at), n);
        return 0;
    }
    while (n > 0) {
        ssize_t got = pread(reading->fd, p, n, (off_t) at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return -ENODATA;
        if (got < 0) {
            int r = -errno;

            reading->error = reading->error ? reading->error : r;
            return r;
        }
        p += got;
        at += (size_t) got;
        n -= (size_t) got;
    }
    return 0;
}

static int write_at(int fd, uint64_t at, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t put = pwrite(fd, p, n, (off_t) at);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -ENOSPC;
        p += put;
        at += (size_t) put;
        n -= (size_t) put;
    }
    return 0;
}

static struct spool_source source_of(struct reading *reading, uint64_t size)
{
    return (struct spool_source){read_at, reading, size};
}

/* ---- opening ---- */

/* The kinds of error that say "there is something else in the file's place". */
static bool is_strange(int r)
{
    return r == -EISDIR || r == -ELOOP || r == -ENXIO || r == -EACCES || r == -ENODEV || r == -ETXTBSY;
}

static int open_as(struct spool_file *f, int access)
{
    f->fd = open(f->path, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return f->fd < 0 ? -errno : 0;
}

/* 0; -errno: the disk did not give all of it, or there is no memory. */
static int scan(const struct spool_file *f, uint64_t size, bool give_up, struct spool_scan *scan_out, spool_entry_fn *entry,
                void *user)
{
    ag_cleanup(spool_ahead_drop) struct spool_ahead ahead = {0};
    struct reading reading = {.fd = f->fd, .ahead = &ahead, .end = size};
    struct spool_source src = source_of(&reading, size);
    int r = spool_form_scan(&src, scan_out, entry, user);

    if (r < 0)
        return r;
    return give_up && scan_out->n_live + scan_out->n_gone > 0 ? 0 : reading.error;
}

int spool_file_open(struct spool_file *f, const char *path, bool give_up, enum spool_found *found_out,
                    struct spool_scan *scan_out, spool_entry_fn *entry, void *user)
{
    struct stat st;
    int r;

    *f = (struct spool_file){.fd = -1};
    *found_out = SPOOL_FOUND_NONE;
    r = with_end(path, "", f->path);
    if (r < 0)
        return r;
    r = open_as(f, O_RDWR);
    if (r == -EROFS || r == -EACCES || r == -EPERM) {
        r = open_as(f, O_RDONLY);
        f->only_read = r == 0;
    }
    if (r == -ENOENT)
        return 0;
    if (is_strange(r) || (r == 0 && fstat(f->fd, &st) == 0 && !S_ISREG(st.st_mode))) {
        spool_file_close(f);
        *found_out = SPOOL_FOUND_STRANGE;
        return 0;
    }
    if (r == 0 && fstat(f->fd, &st) < 0)
        r = -errno;
    if (r < 0) {
        spool_file_close(f);
        return r;
    }
    r = scan(f, (uint64_t) st.st_size, give_up, scan_out, entry, user);
    if (r < 0) {
        spool_file_close(f);
        return r;
    }
    if (!f->only_read && (st.st_mode & 077))
        (void) !fchmod(f->fd, 0600); /* nobody else may read reports; if the file is not ours, it stays as it is */
    f->end = scan_out->end;
    f->turn = scan_out->head.turn;
    f->told = scan_out->head.length;
    *found_out = SPOOL_FOUND_FORM;
    return 0;
}

int spool_file_make_writable(struct spool_file *f)
{
    ag_cleanup(fd_closep) int fd = open(f->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat mine, there;

    if (fd < 0)
        return -errno;
    if (fstat(f->fd, &mine) < 0 || fstat(fd, &there) < 0)
        return -errno;
    if (mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
        return -ESTALE;
    close(f->fd);
    f->fd = fd;
    f->only_read = false;
    fd = -1;
    return 0;
}

void spool_file_close(struct spool_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

/* ---- aside ---- */

int spool_file_put_aside(const char *path, char aside_out[SPOOL_PATH_MAX])
{
    int r = -ENAMETOOLONG;

    for (int i = 1; i <= 2; i++) {
        if (with_end(path, companions[i], aside_out) < 0)
            return -ENAMETOOLONG;
        if (rename(path, aside_out) == 0)
            return sync_folder(path);
        r = -errno;
        if (r == -ENOENT)
            break;
    }
    return r;
}

/* The file stays in its place, too, so that a power failure leaves one of the two there. */
static int copy_aside(const char *path, char aside_out[SPOOL_PATH_MAX])
{
    for (int i = 1; i <= 2; i++) {
        if (with_end(path, companions[i], aside_out) < 0)
            return -ENAMETOOLONG;
        if ((unlink(aside_out) == 0 || errno == ENOENT) && link(path, aside_out) == 0)
            return 0;
    }
    return spool_file_put_aside(path, aside_out); /* a file system without links */
}

/* ---- rewriting ---- */

/* They tell of no entry yet. */
static int write_heads(struct spool_file *f)
{
    uint8_t both[SPOOL_HEADS];

    spool_form_head(both, (struct spool_head){f->turn + 1, SPOOL_HEADS});
    spool_form_head(both + SPOOL_HEAD, (struct spool_head){f->turn + 2, SPOOL_HEADS});
    f->turn += 2;
    f->told = SPOOL_HEADS;
    return write_at(f->fd, 0, both, sizeof both);
}

static int copy_entries(const struct spool_file *from, const struct spool_place *places, size_t n, bool give_up, uint64_t *at_out,
                        struct spool_file *to)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT, entry = AG_BUF_INIT;
    ag_cleanup(spool_ahead_drop) struct spool_ahead ahead = {0};
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        at_out[i] = 0;
        if (places[i].size == 0)
            continue;
        ag_buf_clear(&body);
        ag_buf_clear(&entry);
        r = spool_file_read(from, &ahead, places[i].at, places[i].seq, &body);
        if (spool_is_damage(r) || (r < 0 && r != -ENOMEM && give_up)) {
            r = 0; /* it is lost, wherever the rest is */
            continue;
        }
        if (r == 0)
            r = spool_form_entry(&entry, places[i].seq, places[i].needs, ag_buf_span(&body));
        if (r == 0) {
            at_out[i] = to->end;
            r = spool_file_append(to, ag_buf_span(&entry));
        }
    }
    return r;
}

static int finish(struct spool_file *to)
{
    int r = fdatasync(to->fd) < 0 ? -errno : 0;

    if (r == 0 && to->end > SPOOL_HEADS) {
        r = spool_file_tell_length(to, to->end);
        if (r == 0 && fdatasync(to->fd) < 0)
            r = -errno;
    }
    return r;
}

static int fill(const struct spool_file *f, const struct spool_place *places, size_t n, bool give_up, uint64_t *at_out,
                struct spool_file *to)
{
    int r = write_heads(to);

    if (r == 0)
        r = copy_entries(f, places, n, give_up, at_out, to);
    return r == 0 ? finish(to) : r;
}

/* A file next to the path, which replaces it when it is complete. */
static int begin_beside(const struct spool_file *f, char tmp[SPOOL_PATH_MAX], struct spool_file *to)
{
    int r = with_end(f->path, companions[0], tmp);

    *to = (struct spool_file){.fd = -1, .end = SPOOL_HEADS, .turn = f->turn};
    if (r == 0)
        r = with_end(f->path, "", to->path);
    if (r < 0)
        return r;
    if (unlink(tmp) < 0 && errno != ENOENT)
        return -errno;
    to->fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return to->fd < 0 ? -errno : 0;
}

/* r: how it was filled. */
static int take_place(const char *tmp, char *aside_out, struct spool_file *to, int r)
{
    struct stat st;

    if (aside_out)
        aside_out[0] = '\0';
    if (r == 0 && aside_out && lstat(to->path, &st) == 0)
        r = copy_aside(to->path, aside_out);
    if (r == 0 && rename(tmp, to->path) < 0)
        r = -errno;
    if (r < 0)
        unlink(tmp);
    else
        r = sync_folder(to->path);
    if (r < 0)
        spool_file_close(to);
    return r;
}

int spool_file_rewrite(const struct spool_file *f, const struct spool_place *places, size_t n, bool give_up, uint64_t *at_out,
                       char *aside_out, struct spool_file *to_out)
{
    char tmp[SPOOL_PATH_MAX];
    struct spool_file to;
    int r = begin_beside(f, tmp, &to);

    if (r == 0)
        r = take_place(tmp, aside_out, &to, fill(f, places, n, give_up, at_out, &to));
    if (r == 0)
        *to_out = to;
    return r;
}

/* ---- from the form of earlier versions ---- */

struct taking_over {
    struct spool_file *to;
    unsigned n_taken, n_strange;
};

static int take_over(void *user, uint64_t seq, struct ag_span body)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf entry = AG_BUF_INIT;
    struct taking_over *t = user;
    struct spool_record rec;
    struct ag_json_view view;
    int r = spool_record_decode(&rec, body);

    if (r == 0 && ag_json_parse(&rec.text, RECORD_DEPTH, &view) != 0)
        r = -EINVAL; /* that form had no checksums */
    if (r != 0 && r != -ENOMEM) {
        t->n_strange++;
        return 0;
    }
    if (r == 0)
        r = spool_form_entry(&entry, seq, SPOOL_NEED_UNNAMED, body);
    if (r == 0)
        r = spool_file_append(t->to, ag_buf_span(&entry));
    t->n_taken += r == 0;
    return r;
}

int spool_file_take_over(const struct spool_file *f, bool give_up, char aside_out[SPOOL_PATH_MAX], unsigned *n_taken_out,
                         unsigned *n_damaged_out)
{
    char tmp[SPOOL_PATH_MAX];
    struct spool_file to;
    struct taking_over t = {.to = &to};
    struct reading reading = {.fd = f->fd};
    struct spool_source src = source_of(&reading, f->end);
    int r = begin_beside(f, tmp, &to);

    if (r < 0)
        return r;
    r = write_heads(&to);
    if (r == 0)
        r = spool_old_scan(&src, n_damaged_out, take_over, &t);
    if (r == 0 && !(give_up && t.n_taken > 0))
        r = reading.error;
    if (r == 0)
        r = finish(&to);
    r = take_place(tmp, aside_out, &to, r);
    if (r < 0)
        return r;
    spool_file_close(&to);
    *n_taken_out = t.n_taken;
    *n_damaged_out += t.n_strange;
    return 0;
}

int spool_file_is_old(const struct spool_file *f)
{
    struct reading reading = {.fd = f->fd};
    struct spool_source src = source_of(&reading, f->end);
    bool is_old = spool_old_is(&src);

    return reading.error ? reading.error : is_old;
}

/* ---- in use ---- */

bool spool_file_is_gone(const struct spool_file *f)
{
    struct stat mine, there;

    if (fstat(f->fd, &mine) < 0 || lstat(f->path, &there) < 0)
        return true;
    return mine.st_ino != there.st_ino || mine.st_dev != there.st_dev || (uint64_t) mine.st_size < f->end;
}

int spool_file_append(struct spool_file *f, struct ag_span entry)
{
    int r = write_at(f->fd, f->end, entry.p, entry.len);

    if (r == 0)
        f->end += entry.len;
    else
        spool_file_cut(f, f->end); /* half an entry */
    return r;
}

void spool_file_cut(struct spool_file *f, uint64_t end)
{
    f->end = end;
    (void) !ftruncate(f->fd, (off_t) end); /* when that fails too, the next entry is written over what is there */
}

int spool_file_set_needs(const struct spool_file *f, uint64_t at, unsigned needs)
{
    uint8_t state[SPOOL_STATE];

    spool_form_state(state, needs);
    return f->only_read ? -EROFS : write_at(f->fd, at + SPOOL_STATE_AT, state, sizeof state);
}

int spool_file_sync(struct spool_file *f)
{
    return fdatasync(f->fd) < 0 ? -errno : 0;
}

int spool_file_tell_length(struct spool_file *f, uint64_t length)
{
    uint8_t head[SPOOL_HEAD];
    uint64_t turn = f->turn + 1;
    int r;

    if (f->told == length)
        return 0;
    spool_form_head(head, (struct spool_head){turn, length});
    r = write_at(f->fd, turn % 2 ? 0 : SPOOL_HEAD, head, sizeof head);
    if (r == 0) {
        f->turn = turn;
        f->told = length;
    }
    return r;
}

int spool_file_read(const struct spool_file *f, struct spool_ahead *ahead, uint64_t at, uint64_t seq, struct ag_buf *body)
{
    struct reading reading = {.fd = f->fd, .ahead = ahead, .end = f->end};
    struct spool_source src = source_of(&reading, UINT64_MAX / 2);

    if (at == 0)
        return -ENODATA;
    return spool_form_read(&src, at, seq, body);
}

bool spool_is_damage(int r)
{
    return r == -EBADMSG || r == -ENODATA;
}

int spool_file_wipe(const char *path)
{
    char name[SPOOL_PATH_MAX];
    struct stat st;
    int r = 0;

    for (size_t i = 0; i < ag_array_size(companions) + 1; i++) {
        const char *end = i < ag_array_size(companions) ? companions[i] : "";

        if (with_end(path, end, name) < 0)
            return -ENAMETOOLONG;
        if (lstat(name, &st) < 0 && errno == ENOENT)
            continue;                                                         /* a read-only file system would not say so */
        if (unlink(name) < 0 && errno != ENOENT && errno != EISDIR && r == 0) /* a folder is none of ours */
            r = -errno;
    }
    return r < 0 ? r : sync_folder(path);
}
