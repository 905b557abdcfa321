/* SPDX-License-Identifier: MIT */
#include "libagent/io/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void close_fdp(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void freep(char **p)
{
    free(*p);
}

static int read_all(int fd, size_t max, struct ag_buf *out)
{
    size_t undo = ag_buf_size(out), got = 0;
    int r;

    for (;;) {
        size_t want = max - got < 4096 ? max - got + 1 : 4096; /* one byte past the bound shows that there is more */
        ssize_t n;

        r = ag_buf_reserve(out, want);
        if (r < 0)
            break;
        n = read(fd, out->data + out->len, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return 0;
        if (n < 0 || (size_t) n > max - got) {
            r = n < 0 ? -errno : -EFBIG;
            break;
        }
        out->len += (size_t) n;
        got += (size_t) n;
    }
    out->len = out->off + undo;
    return r;
}

int ag_file_read(const char *path, size_t max, struct ag_buf *out)
{
    /* O_NONBLOCK: a FIFO in place of a config file must not stop a daemon */
    ag_cleanup(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    return read_all(fd, max, out);
}

/* ---- a file that somebody else names ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Steps down into the folder or file that the first len bytes of name say. A descriptor or -errno. */
static int open_step(int at, const char *name, size_t len, bool last)
{
    char part[NAME_MAX + 1];
    int fd;

    if (len > NAME_MAX || (len == 2 && memcmp(name, "..", 2) == 0))
        return -EPERM;
    memcpy(part, name, len);
    part[len] = '\0';
    fd = openat(at, part, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
    return fd >= 0 ? fd : errno == ELOOP ? -EPERM : -errno;
}

/* One folder after the other, so that nobody can put a link in the way. The descriptor of the file or -errno. */
static int open_below(const char *dir, struct ag_span name, const struct stat *never)
{
    int fd = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY), next;
    struct stat st;

    if (fd < 0)
        return -errno;
    for (;;) {
        const char *slash;
        size_t len;

        if (never && (fstat(fd, &st) != 0 || is_same(&st, never))) {
            close(fd);
            return -EPERM;
        }
        while (name.len > 0 && name.p[0] == '/')
            name = (struct ag_span){name.p + 1, name.len - 1};
        slash = memchr(name.p, '/', name.len);
        len = slash ? (size_t) (slash - name.p) : name.len;
        next = len > 0 ? open_step(fd, name.p, len, !slash) : -EPERM;
        close(fd);
        if (next < 0 || !slash)
            return next;
        fd = next;
        name = (struct ag_span){slash, name.len - len};
    }
}

int ag_file_read_below(const char *dir, struct ag_span name, const char *never, size_t max, struct ag_buf *out)
{
    ag_cleanup(close_fdp) int fd = -1;
    size_t n = strlen(dir);
    struct stat st, kept;

    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (name.len > 0 && name.p[0] == '/') {
        if (name.len <= n || memcmp(name.p, dir, n) != 0 || (n > 1 && name.p[n] != '/'))
            return -EPERM;
        name = (struct ag_span){name.p + n, name.len - n};
    }
    if (name.len == 0 || memchr(name.p, '\0', name.len) || (never && stat(never, &kept) != 0))
        return -EPERM;
    fd = open_below(dir, name, never ? &kept : NULL);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
        return -EPERM;
    return read_all(fd, max, out);
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        p += k;
        n -= (size_t) k;
    }
    return 0;
}

/* The length of the directory part with its slash; 0: the current directory. */
static size_t dir_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t) (slash - path) + 1 : 0;
}

/* Opened before the change, so that nothing but the disk can fail after it. The descriptor or -errno. */
static int open_dir_of(const char *path)
{
    size_t n = dir_len(path);
    ag_cleanup(freep) char *dir = malloc(n + 2);
    int fd;

    if (!dir)
        return -ENOMEM;
    memcpy(dir, n > 0 ? path : ".", n > 0 ? n : 1);
    dir[n > 0 ? n : 1] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Some file systems know no fsync of a directory. */
static int sync_dir(int fd)
{
    return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

static int fill(int fd, const void *data, size_t n, mode_t mode)
{
    int r = fchmod(fd, mode) < 0 ? -errno : 0;

    if (r == 0)
        r = write_all(fd, data, n);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    return r;
}

/* ---- replacing ---- */

static int stage_names(struct ag_file_stage *s, const char *path)
{
    int dir = (int) dir_len(path);

    s->path = strdup(path);
    if (asprintf(&s->tmp, "%.*s.%s.XXXXXX", dir, path, path + dir) < 0)
        s->tmp = NULL;
    return s->path && s->tmp ? 0 : -ENOMEM;
}

static int stage_fill(struct ag_file_stage *s, const void *data, size_t n, mode_t mode)
{
    int fd = mkostemp(s->tmp, O_CLOEXEC), r;

    if (fd < 0)
        return -errno;
    s->made = true;
    r = fill(fd, data, n, mode);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

int ag_file_stage(struct ag_file_stage *out, const char *path, const void *data, size_t n, mode_t mode)
{
    struct ag_file_stage s = {.dir_fd = open_dir_of(path)};
    int r = s.dir_fd < 0 ? s.dir_fd : stage_names(&s, path);

    if (r == 0)
        r = stage_fill(&s, data, n, mode);
    if (r < 0) {
        ag_file_stage_drop(&s);
        return r;
    }
    *out = s;
    return 0;
}

int ag_file_stage_commit(struct ag_file_stage *s)
{
    int r = rename(s->tmp, s->path) < 0 ? -errno : 0;

    if (r == 0) {
        s->made = false;
        r = sync_dir(s->dir_fd);
    }
    ag_file_stage_drop(s);
    return r;
}

void ag_file_stage_drop(struct ag_file_stage *s)
{
    if (!s->path && !s->tmp && s->dir_fd <= 0)
        return;
    if (s->made)
        unlink(s->tmp);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s->path);
    free(s->tmp);
    *s = (struct ag_file_stage) AG_FILE_STAGE_INIT;
}

int ag_file_write_atomic(const char *path, const void *data, size_t n, mode_t mode)
{
    struct ag_file_stage s;
    int r = ag_file_stage(&s, path, data, n, mode);

    return r == 0 ? ag_file_stage_commit(&s) : r;
}

/* ---- removing ---- */

int ag_file_remove(const char *path)
{
    ag_cleanup(close_fdp) int dir_fd = -1;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return -EINVAL;
    dir_fd = open_dir_of(path);
    if (dir_fd < 0)
        return dir_fd;
    if (unlink(path) < 0)
        return errno == ENOENT ? 0 : -errno;
    return sync_dir(dir_fd);
}

/* ".NAME.XXXXXX", as mkostemp() makes them. */
static bool is_leftover(const char *entry, const char *name)
{
    size_t n = strlen(name);

    if (entry[0] != '.' || strncmp(entry + 1, name, n) != 0 || entry[1 + n] != '.' || strlen(entry + n + 2) != 6)
        return false;
    for (const char *p = entry + n + 2; *p; p++) {
        if (!isalnum((unsigned char) *p))
            return false;
    }
    return true;
}

static int remove_leftovers(DIR *d, const char *name, bool *removed)
{
    struct dirent *e;
    int r = 0;

    while ((e = readdir(d))) {
        if (!is_leftover(e->d_name, name))
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0)
            *removed = true;
        else if (errno != ENOENT && r == 0)
            r = -errno;
    }
    return r;
}

int ag_file_remove_leftovers(const char *path)
{
    int fd = open_dir_of(path), r;
    bool removed = false;
    DIR *d;

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    d = fdopendir(fd);
    if (!d) {
        r = -errno;
        close(fd);
        return r;
    }
    r = remove_leftovers(d, path + dir_len(path), &removed);
    if (removed && r == 0)
        r = sync_dir(dirfd(d));
    closedir(d);
    return r;
}

int ag_file_remove_stale_socket(const char *path, int type)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    ag_cleanup(close_fdp) int fd = -1;
    struct stat st;

    if (strlen(path) >= sizeof un.sun_path)
        return -ENAMETOOLONG;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    memcpy(un.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* Only a refusal says that nobody listens; EAGAIN is a full backlog, EPROTOTYPE a server of another type. */
    if (connect(fd, (const struct sockaddr *) &un, sizeof un) == 0 || errno != ECONNREFUSED)
        return -EADDRINUSE;
    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    return 0;
}

int ag_file_make_absolute(char *path, size_t room)
{
    ag_cleanup(freep) char *cwd = NULL;
    size_t n, len = strlen(path);

    if (len == 0 || path[0] == '/')
        return 0;
    cwd = getcwd(NULL, 0);
    if (!cwd)
        return -errno;
    n = strlen(cwd);
    if (n + 1 + len >= room)
        return -ENAMETOOLONG;
    memmove(path + n + 1, path, len + 1);
    memcpy(path, cwd, n);
    path[n] = '/';
    return 0;
}
