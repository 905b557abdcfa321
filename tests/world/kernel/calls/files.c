/* SPDX-License-Identifier: MIT */
/* Files and folders. */
#include "tests/world/kernel/calls/wrap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"

static struct vopen *file_of(int fd)
{
    struct vfile *f = fd_get(proc_now(), fd);

    return f && (f->kind == V_FILE || f->kind == V_DIR) ? (struct vopen *) f : NULL;
}

static int open_file(const char *path, int flags, mode_t mode)
{
    return (int) done(disk_open(proc_now(), path, flags, mode));
}

WRAP(int, open64, const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

WRAP(int, open, const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

WRAP(int, mkostemp64, char *path, int flags)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *x = path + strlen(path) - 6;

    for (int i = 0; i < 6; i++)
        x[i] = letters[rng_below(&W.rng, sizeof letters - 1)];
    return open_file(path, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
}

WRAP(int, mkostemp, char *path, int flags)
{
    return __wrap_mkostemp64(path, flags);
}

WRAP(int, close, int fd)
{
    return (int) done(fd_close(proc_now(), fd));
}

WRAP(ssize_t, read, int fd, void *p, size_t n)
{
    struct vfile *f = fd_get(proc_now(), fd);
    struct vopen *o = (struct vopen *) f;
    ssize_t r;

    if (!f)
        return done(-EBADF);
    if (f->kind == V_SOCKET)
        return done(vsock_recv((struct vsock *) f, p, n, 0, NULL, NULL));
    if (f->kind == V_EVENT) {
        if (o->count == 0)
            return done(-EAGAIN);
        memcpy(p, &o->count, 8);
        o->count = 0;
        return 8;
    }
    if (f->kind == V_NULL)
        return 0;
    r = vopen_read(o, p, n, o->at);
    if (r > 0)
        o->at += r;
    return done(r);
}

WRAP(ssize_t, write, int fd, const void *p, size_t n)
{
    struct vfile *f = fd_get(proc_now(), fd);
    struct vopen *o = (struct vopen *) f;
    ssize_t r;

    if (fd == 1 || fd == 2) {
        print_bytes(p, n);
        return (ssize_t) n;
    }
    if (!f)
        return done(-EBADF);
    if (f->kind == V_SOCKET)
        return done(vsock_send((struct vsock *) f, p, n, NULL, 0));
    if (f->kind == V_EVENT) {
        uint64_t add;

        memcpy(&add, p, 8);
        o->count += add;
        vfile_changed(f);
        return 8;
    }
    if (f->kind == V_NULL)
        return (ssize_t) n;
    r = vopen_write(o, p, n, o->at);
    if (r > 0)
        o->at += r;
    return done(r);
}

WRAP(ssize_t, pread64, int fd, void *p, size_t n, off_t at)
{
    struct vopen *o = file_of(fd);

    return done(o ? vopen_read(o, p, n, at) : -EBADF);
}

WRAP(ssize_t, pwrite64, int fd, const void *p, size_t n, off_t at)
{
    struct vopen *o = file_of(fd);

    return done(o ? vopen_write(o, p, n, at) : -EBADF);
}

WRAP(ssize_t, pread, int fd, void *p, size_t n, off_t at)
{
    return __wrap_pread64(fd, p, n, at);
}

WRAP(ssize_t, pwrite, int fd, const void *p, size_t n, off_t at)
{
    return __wrap_pwrite64(fd, p, n, at);
}

WRAP(off_t, lseek64, int fd, off_t at, int whence)
{
    struct vopen *o = file_of(fd);

    if (!o)
        return done(-EBADF);
    o->at = at + (whence == SEEK_END ? (off_t) o->node->data.n : whence == SEEK_CUR ? o->at : 0);
    return o->at;
}

WRAP(off_t, lseek, int fd, off_t at, int whence)
{
    return __wrap_lseek64(fd, at, whence);
}

WRAP(int, fstatvfs64, int fd, struct statvfs *st)
{
    if (!file_of(fd))
        return (int) done(-EBADF);
    *st = (struct statvfs){.f_frsize = 4096, .f_blocks = 4096, .f_bavail = disk.full ? 0 : 2048};
    return 0;
}

WRAP(int, fstatvfs, int fd, struct statvfs *st)
{
    return __wrap_fstatvfs64(fd, st);
}

WRAP(int, fsync, int fd)
{
    struct vopen *o = file_of(fd);

    return (int) done(o ? vopen_sync(o) : -EBADF);
}

WRAP(int, fdatasync, int fd)
{
    return __wrap_fsync(fd);
}

WRAP(int, ftruncate64, int fd, off_t n)
{
    struct vopen *o = file_of(fd);

    return (int) done(o ? vopen_truncate(o, n) : -EBADF);
}

WRAP(int, ftruncate, int fd, off_t n)
{
    return __wrap_ftruncate64(fd, n);
}

WRAP(int, fchmod, int fd, mode_t mode)
{
    struct vopen *o = file_of(fd);

    if (!o)
        return (int) done(-EBADF);
    o->node->mode = mode;
    return 0;
}

WRAP(int, fstat64, int fd, struct stat *st)
{
    struct vfile *f = fd_get(proc_now(), fd);

    if (!f)
        return (int) done(-EBADF);
    memset(st, 0, sizeof *st);
    if (f->kind == V_FILE || f->kind == V_DIR)
        inode_stat(((struct vopen *) f)->node, st);
    return 0;
}

WRAP(int, stat64, const char *path, struct stat *st)
{
    return (int) done(disk_stat(path, st));
}

WRAP(int, fstat, int fd, struct stat *st)
{
    return __wrap_fstat64(fd, st);
}

WRAP(int, stat, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, lstat, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, lstat64, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, access, const char *path, int mode)
{
    const struct inode *i = disk_find(path);

    if (!i)
        return (int) done(-ENOENT);
    if ((mode & W_OK) && disk.read_only)
        return (int) done(-EROFS);
    return (mode & X_OK) && !(i->mode & 0111) ? (int) done(-EACCES) : 0;
}

WRAP(int, rename, const char *a, const char *b)
{
    return (int) done(disk_rename(a, b));
}

WRAP(int, link, const char *a, const char *b)
{
    return (int) done(disk_link(a, b));
}

WRAP(int, unlink, const char *path)
{
    return (int) done(disk_unlink(path));
}

WRAP(int, unlinkat, int fd, const char *name, int flags)
{
    struct vopen *o = file_of(fd);
    char path[600];

    (void) flags;
    if (!o)
        return (int) done(-EBADF);
    snprintf(path, sizeof path, "%s/%s", o->path, name);
    return __wrap_unlink(path);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    return (int) done(disk_mkdir(path, mode));
}

WRAP(int, symlink, const char *to, const char *path)
{
    return (int) done(disk_symlink(to, path));
}

WRAP(char *, getcwd, char *out, size_t n)
{
    char *at = out ? out : __wrap_malloc(n ? n : 8);

    if (at)
        strcpy(at, "/");
    return at;
}

WRAP(char *, realpath, const char *path, char *out)
{
    (void) out;
    if (!disk_find(path)) {
        errno = ENOENT;
        return NULL;
    }
    if (!out)
        return __wrap_strdup(path);
    return strcpy(out, path);
}

WRAP(int, flock, int fd, int how)
{
    struct vopen *o = file_of(fd);

    (void) how;
    if (!o)
        return fd_get(proc_now(), fd) ? 0 : (int) done(-EBADF);
    if (o->node->locked_by && o->node->locked_by != proc_now() && o->node->locked_by->alive)
        return (int) done(-EWOULDBLOCK);
    o->node->locked_by = proc_now();
    return 0;
}

struct folder {
    int fd;
    unsigned at;
    struct dirent entry;
};

WRAP(DIR *, fdopendir, int fd)
{
    struct folder *d = __wrap_calloc(1, sizeof *d);

    if (d)
        d->fd = fd;
    return (DIR *) d;
}

WRAP(struct dirent *, readdir64, DIR *dir)
{
    struct folder *d = (struct folder *) dir;
    const char *name = disk_entry(file_of(d->fd)->path, d->at++);

    if (!name)
        return NULL;
    snprintf(d->entry.d_name, sizeof d->entry.d_name, "%s", name);
    return &d->entry;
}

WRAP(struct dirent *, readdir, DIR *dir)
{
    return __wrap_readdir64(dir);
}

WRAP(int, dirfd, DIR *dir)
{
    return ((struct folder *) dir)->fd;
}

WRAP(int, closedir, DIR *dir)
{
    __wrap_close(((struct folder *) dir)->fd);
    __wrap_free(dir);
    return 0;
}

WRAP(int, dup2, int a, int b)
{
    (void) a;
    return b;
}

WRAP(int, pipe2, int fds[2], int flags)
{
    (void) fds;
    (void) flags;
    return (int) done(-ENOSYS);
}

WRAP(int, fcntl64, int fd, int what, ...)
{
    if (what == F_DUPFD_CLOEXEC)
        return (int) done(-EINVAL); /* no second descriptor of anything here */
    return fd_get(proc_now(), fd) ? 0 : (int) done(-EBADF);
}

WRAP(int, fcntl, int fd, int what, ...)
{
    (void) what;
    return __wrap_fcntl64(fd, what);
}

static int open_plain(enum vkind kind, uint64_t count)
{
    struct vopen *o = calloc(1, sizeof *o);

    o->base.kind = kind;
    o->count = count;
    return (int) done(fd_open(proc_now(), &o->base));
}

WRAP(int, eventfd, unsigned n, int flags)
{
    (void) flags;
    return open_plain(V_EVENT, n);
}

WRAP(int, epoll_create1, int flags)
{
    (void) flags;
    return open_plain(V_EPOLL, 0);
}

/* libagent keeps a set, which loops of others look at as at any descriptor. */
WRAP(int, epoll_ctl, int set, int op, int fd, struct epoll_event *e)
{
    struct vopen *o = (struct vopen *) fd_get(proc_now(), set);
    unsigned i = 0;

    if (!o || o->base.kind != V_EPOLL)
        return (int) done(-EBADF);
    while (i < o->n_watched && o->watched[i].fd != fd)
        i++;
    if (op == EPOLL_CTL_DEL) {
        if (i < o->n_watched)
            o->watched[i] = o->watched[--o->n_watched];
        return 0;
    }
    if (i == sizeof o->watched / sizeof o->watched[0])
        return (int) done(-ENOSPC);
    o->watched[i].fd = fd;
    o->watched[i].events = e->events;
    o->n_watched += i == o->n_watched;
    return 0;
}

/* The one file that programs read by lines: the kernel's table of routes. */
WRAP(FILE *, fopen64, const char *path, const char *mode)
{
    static char route[] = "Iface\tDestination\tGateway\tFlags\nwlan0\t00000000\t0100000A\t0003\n";

    if (essid && strcmp(path, "/proc/net/route") == 0)
        return fmemopen(route, sizeof route - 1, mode);
    errno = ENOENT;
    return NULL;
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
    return __wrap_fopen64(path, mode);
}

WRAP(int, fclose, FILE *f)
{
    return f && f != stdin && f != stdout && f != stderr ? fclose(f) : 0;
}

WRAP(char *, fgets, char *s, int n, FILE *f)
{
    return fgets(s, n, f);
}
