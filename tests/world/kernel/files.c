/* SPDX-License-Identifier: MIT */
#include "tests/world/kernel/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/net.h"

enum { NAMES_MAX = 256, PENDING_MAX = 1024, SECTOR = 512, DISK_ROOM = 4 << 20 };

struct disk disk;
struct vfile *(*disk_device)(struct proc *p, const char *path);

/* ---- descriptors ---- */

struct vfile *fd_get(struct proc *p, int fd)
{
    return p && fd >= 0 && fd < FDS_MAX ? p->fds[fd] : NULL;
}

static void vfile_close(struct vfile *f)
{
    if (f->kind == V_SOCKET)
        vsock_close((struct vsock *) f);
    else
        vopen_close((struct vopen *) f);
}

unsigned fd_count(const struct proc *p)
{
    unsigned n = 0;

    for (int i = FD_FIRST; i < FDS_MAX; i++)
        n += p->fds[i] != NULL;
    return n;
}

int fd_open(struct proc *p, struct vfile *f)
{
    unsigned open = fd_count(p);

    f->owner = p;
    for (int i = FD_FIRST; open < p->fd_limit && i < FDS_MAX; i++)
        if (!p->fds[i]) {
            p->fds[i] = f;
            return i;
        }
    vfile_close(f);
    return -EMFILE;
}

int fd_close(struct proc *p, int fd)
{
    struct vfile *f = fd_get(p, fd);

    if (!f)
        return -EBADF;
    p->fds[fd] = NULL;
    vfile_close(f);
    return 0;
}

static unsigned set_ready(const struct vopen *set)
{
    for (unsigned i = 0; i < set->n_watched; i++) {
        const struct vfile *f = fd_get(set->base.owner, set->watched[i].fd);

        if (f && f->kind != V_EPOLL && (vfile_ready(f) & (set->watched[i].events | POLLERR | POLLHUP)))
            return POLLIN;
    }
    return 0;
}

unsigned vfile_ready(const struct vfile *f)
{
    if (f->kind == V_SOCKET)
        return vsock_ready((const struct vsock *) f);
    if (f->kind == V_EVENT)
        return POLLOUT | (((const struct vopen *) f)->count ? POLLIN : 0);
    return f->kind == V_EPOLL ? set_ready((const struct vopen *) f) : POLLIN | POLLOUT;
}

void vfile_changed(struct vfile *f)
{
    if (f->owner)
        proc_wake(f->owner);
}

/* ---- names ---- */

struct name {
    char path[256];
    struct inode *node;
};

struct names {
    struct name at[NAMES_MAX];
    unsigned n;
};

/* A change of a folder that is not safe yet. */
struct change {
    char from[256], to[256]; /* "": none */
    struct inode *node;
};

static struct names live, safe;
static struct change pending[PENDING_MAX];
static unsigned n_pending;
static uint64_t next_ino = 2;

static struct name *names_find(struct names *m, const char *path)
{
    for (unsigned i = 0; i < m->n; i++)
        if (strcmp(m->at[i].path, path) == 0)
            return &m->at[i];
    return NULL;
}

static void names_put(struct names *m, const char *path, struct inode *node)
{
    struct name *e = names_find(m, path);

    if (!e) {
        if (m->n == NAMES_MAX)
            abort();
        e = &m->at[m->n++];
        snprintf(e->path, sizeof e->path, "%s", path);
    }
    e->node = node;
}

static void names_del(struct names *m, const char *path)
{
    struct name *e = names_find(m, path);

    if (e) {
        memmove(e, e + 1, (size_t) (&m->at[m->n] - (e + 1)) * sizeof *e);
        m->n--;
    }
}

static void apply(struct names *m, const struct change *c)
{
    if (c->from[0])
        names_del(m, c->from);
    if (c->to[0])
        names_put(m, c->to, c->node);
}

static void change(const char *from, const char *to, struct inode *node)
{
    struct change c = {.node = node};

    snprintf(c.from, sizeof c.from, "%s", from);
    snprintf(c.to, sizeof c.to, "%s", to);
    apply(&live, &c);
    if (n_pending == PENDING_MAX) { /* the system writes back by itself */
        apply(&safe, &pending[0]);
        memmove(pending, pending + 1, --n_pending * sizeof pending[0]);
    }
    pending[n_pending++] = c;
}

/* "/data//x/./y" as "/data/x/y"; relative ones are below "/". */
static void plain(char out[256], const char *path)
{
    size_t n = 0;

    out[n++] = '/';
    while (*path && n < 250) {
        if (*path == '/' || (path[0] == '.' && out[n - 1] == '/' && (path[1] == '/' || !path[1]))) {
            path++;
            if (path[-1] == '.')
                continue;
            if (out[n - 1] != '/')
                out[n++] = '/';
            continue;
        }
        out[n++] = *path++;
    }
    if (n > 1 && out[n - 1] == '/')
        n--;
    out[n] = '\0';
}

struct inode *disk_find(const char *path)
{
    char at[256];
    struct name *e;

    plain(at, path);
    e = names_find(&live, at);
    return e ? e->node : NULL;
}

static struct inode *inode_new(int type, mode_t mode)
{
    struct inode *i = calloc(1, sizeof *i);

    i->type = type;
    i->mode = mode;
    i->ino = next_ino++;
    return i;
}

static bool has_parent(const char *at)
{
    char up[256];
    char *slash;
    const struct inode *i;

    snprintf(up, sizeof up, "%s", at);
    slash = strrchr(up, '/');
    if (slash == up)
        return true;
    *slash = '\0';
    i = disk_find(up);
    return i && i->type == S_IFDIR;
}

static void bytes_set(struct bytes *b, const void *p, size_t n)
{
    if (n > b->room) {
        b->room = n * 2;
        b->p = realloc(b->p, b->room);
    }
    if (n)
        memcpy(b->p, p, n);
    b->n = n;
}

void disk_put(const char *path, const void *data, size_t n)
{
    char at[256];
    struct inode *i = inode_new(S_IFREG, 0600);

    plain(at, path);
    bytes_set(&i->data, data, n);
    bytes_set(&i->safe, data, n);
    names_put(&live, at, i);
    names_put(&safe, at, i);
}

void disk_put_program(const char *path)
{
    disk_put(path, "#!", 2);
    disk_find(path)->mode = 0755;
}

bool disk_has_after_cut(const char *path)
{
    char at[256];

    plain(at, path);
    return names_find(&safe, at) != NULL;
}

void disk_put_dir(const char *path)
{
    char at[256];
    struct inode *i = inode_new(S_IFDIR, 0755);

    plain(at, path);
    names_put(&live, at, i);
    names_put(&safe, at, i);
}

void disk_remove(const char *path)
{
    char at[256];

    plain(at, path);
    names_del(&live, at);
    names_del(&safe, at);
}

const struct bytes *disk_get(const char *path)
{
    const struct inode *i = disk_find(path);

    return i ? &i->data : NULL;
}

struct inode *disk_make_socket(const char *path)
{
    char at[256];
    struct inode *i;

    plain(at, path);
    if (names_find(&live, at))
        return NULL;
    i = inode_new(S_IFSOCK, 0660);
    change("", at, i);
    return i;
}

/* ---- a power cut ---- */

/* Sectors that were not synced may have been written, or not, each by itself. */
static void inode_cut(struct inode *i)
{
    uint64_t kind = rng_below(&W.rng, 3);

    if (!i->dirty || kind == 0) {
        if (i->dirty)
            bytes_set(&i->safe, i->data.p, i->data.n); /* it was written back in time */
    } else if (kind == 1) {
        for (size_t at = 0; at < i->data.n && at < i->safe.n; at += SECTOR) {
            size_t n = i->data.n - at;

            if (n > i->safe.n - at)
                n = i->safe.n - at;
            if (n > SECTOR)
                n = SECTOR;
            if (rng_below(&W.rng, 2))
                memcpy(i->safe.p + at, i->data.p + at, n);
        }
        if (i->data.n > i->safe.n) { /* some of what was appended */
            size_t old = i->safe.n, n = (size_t) rng_between(&W.rng, old, i->data.n);

            if (n > i->safe.room) {
                i->safe.room = n * 2;
                i->safe.p = realloc(i->safe.p, i->safe.room);
            }
            if (rng_below(&W.rng, 2))
                memcpy(i->safe.p + old, i->data.p + old, n - old);
            else
                memset(i->safe.p + old, 0, n - old);
            i->safe.n = n;
        }
    }
    bytes_set(&i->data, i->safe.p, i->safe.n);
    i->dirty = false;
    i->locked_by = NULL;
}

void disk_power_cut(void)
{
    uint64_t kept = rng_between(&W.rng, 0, n_pending);

    disk.n_cuts++;
    for (unsigned i = 0; i < kept; i++)
        apply(&safe, &pending[i]);
    n_pending = 0;
    live = safe;
    for (unsigned i = live.n; i-- > 0;) {
        if (live.at[i].node->type == S_IFSOCK || strncmp(live.at[i].path, "/run", 4) == 0 ||
            strncmp(live.at[i].path, "/tmp/", 5) == 0) {
            char path[256];

            snprintf(path, sizeof path, "%s", live.at[i].path);
            names_del(&live, path);
            names_del(&safe, path);
        }
    }
    for (unsigned i = 0; i < live.n; i++)
        inode_cut(live.at[i].node);
    disk_put_dir("/run");
    disk_put_dir("/tmp");
}

/* ---- calls ---- */

void inode_stat(const struct inode *i, struct stat *st)
{
    *st = (struct stat){.st_ino = i->ino,
                        .st_dev = 1,
                        .st_mode = (mode_t) i->type | i->mode,
                        .st_uid = i->uid,
                        .st_nlink = 1,
                        .st_size = (off_t) i->data.n,
                        .st_mtime = wall_now_us() / 1000000};
}

static struct vopen *vopen_new(enum vkind kind, struct inode *node, const char *path)
{
    struct vopen *f = calloc(1, sizeof *f);

    f->base.kind = kind;
    f->node = node;
    snprintf(f->path, sizeof f->path, "%s", path);
    return f;
}

int disk_open(struct proc *p, const char *path, int flags, mode_t mode)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    struct vfile *device;
    struct inode *i;
    struct vopen *f;
    char at[256];

    plain(at, path);
    if (strcmp(at, "/dev/null") == 0)
        return fd_open(p, &vopen_new(V_NULL, NULL, at)->base);
    if (disk_device && (device = disk_device(p, at)))
        return fd_open(p, device);
    i = disk_find(at);
    if (i && (flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (!i && !(flags & O_CREAT))
        return -ENOENT;
    if (writes && disk.read_only)
        return -EROFS;
    if (!i) {
        if (!has_parent(at))
            return -ENOENT;
        if (disk.full)
            return -ENOSPC;
        i = inode_new(S_IFREG, mode & 0777);
        change("", at, i);
    }
    if (i->type == S_IFDIR && writes)
        return -EISDIR;
    if (i->type != S_IFDIR && (flags & O_DIRECTORY))
        return -ENOTDIR;
    if (i->type == S_IFSOCK)
        return -ENXIO;
    if ((flags & O_TRUNC) && writes) {
        i->data.n = 0;
        i->dirty = true;
    }
    f = vopen_new(i->type == S_IFDIR ? V_DIR : V_FILE, i, at);
    f->writes = writes;
    if (flags & O_APPEND)
        f->at = (off_t) i->data.n;
    return fd_open(p, &f->base);
}

void vopen_close(struct vopen *f)
{
    if (f->node && f->node->locked_by == f->base.owner)
        f->node->locked_by = NULL;
    free(f);
}

ssize_t vopen_read(struct vopen *f, void *p, size_t n, off_t at)
{
    const struct bytes *b = &f->node->data;

    if (f->base.kind == V_DIR)
        return -EISDIR;
    if (disk.failing && rng_below(&W.rng, 8) == 0)
        return -EIO;
    if ((size_t) at >= b->n)
        return 0;
    if (n > b->n - (size_t) at)
        n = b->n - (size_t) at;
    if (n > 1 && f->base.owner && rng_chance(&W.rng, f->base.owner->io_faults))
        n = 1 + rng_below(&W.rng, n - 1);
    memcpy(p, b->p + at, n);
    return (ssize_t) n;
}

static int grow(struct bytes *b, size_t n)
{
    if (n > DISK_ROOM)
        return -ENOSPC;
    if (n > b->room) {
        b->room = n * 2;
        b->p = realloc(b->p, b->room);
    }
    if (n > b->n)
        memset(b->p + b->n, 0, n - b->n);
    b->n = n;
    return 0;
}

ssize_t vopen_write(struct vopen *f, const void *p, size_t n, off_t at)
{
    struct bytes *b = &f->node->data;

    if (!f->writes)
        return -EBADF;
    if (disk.read_only)
        return -EROFS;
    if (disk.failing && rng_below(&W.rng, 2) == 0)
        return -EIO;
    if (n > 1 && f->base.owner && rng_chance(&W.rng, f->base.owner->io_faults))
        n = 1 + rng_below(&W.rng, n - 1);
    if ((size_t) at + n > b->n && (disk.full || grow(b, (size_t) at + n) < 0))
        return -ENOSPC;
    memcpy(b->p + at, p, n);
    f->node->dirty = true;
    return (ssize_t) n;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    if (n == 1)
        n = 0;
    return strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

int vopen_sync(struct vopen *f)
{
    disk.n_syncs++;
    if (disk.failing && rng_below(&W.rng, 2) == 0)
        return -EIO;
    if (disk.full && f->node->dirty && rng_below(&W.rng, 4) == 0)
        return -ENOSPC;
    if (f->base.kind == V_FILE && f->node->dirty) {
        bytes_set(&f->node->safe, f->node->data.p, f->node->data.n);
        f->node->dirty = false;
    }
    for (unsigned i = 0; f->base.kind == V_DIR && i < n_pending;) {
        struct change *c = &pending[i];

        if (is_below(c->to[0] ? c->to : c->from, f->path)) {
            apply(&safe, c);
            memmove(c, c + 1, (--n_pending - i) * sizeof *c);
        } else {
            i++;
        }
    }
    return 0;
}

int vopen_truncate(struct vopen *f, off_t n)
{
    if (disk.read_only)
        return -EROFS;
    if (disk.failing && rng_below(&W.rng, 2) == 0)
        return -EIO;
    if ((size_t) n > f->node->data.n && grow(&f->node->data, (size_t) n) < 0)
        return -ENOSPC;
    f->node->data.n = (size_t) n;
    f->node->dirty = true;
    return 0;
}

static int may_change(void)
{
    return disk.read_only ? -EROFS : disk.failing && rng_below(&W.rng, 2) == 0 ? -EIO : 0;
}

int disk_rename(const char *from, const char *to)
{
    char a[256], b[256];
    struct inode *i = disk_find(from);
    int r = may_change();

    if (r < 0)
        return r;
    if (!i)
        return -ENOENT;
    plain(a, from);
    plain(b, to);
    if (!has_parent(b))
        return -ENOENT;
    change(a, b, i);
    return 0;
}

int disk_link(const char *from, const char *to)
{
    char b[256];
    struct inode *i = disk_find(from);
    int r = may_change();

    if (r < 0)
        return r;
    if (!i)
        return -ENOENT;
    if (disk_find(to))
        return -EEXIST;
    plain(b, to);
    change("", b, i);
    return 0;
}

int disk_unlink(const char *path)
{
    char at[256];
    const struct inode *i = disk_find(path);
    int r = may_change();

    if (!i)
        return -ENOENT;
    if (r < 0)
        return r;
    if (i->type == S_IFDIR)
        return -EISDIR;
    plain(at, path);
    change(at, "", NULL);
    return 0;
}

int disk_mkdir(const char *path, mode_t mode)
{
    char at[256];
    int r = may_change();

    if (disk_find(path))
        return -EEXIST;
    if (r < 0)
        return r;
    plain(at, path);
    if (!has_parent(at))
        return -ENOENT;
    change("", at, inode_new(S_IFDIR, mode));
    return 0;
}

int disk_symlink(const char *to, const char *path)
{
    char at[256];
    struct inode *i;
    int r = may_change();

    if (r < 0)
        return r;
    if (disk_find(path))
        return -EEXIST;
    plain(at, path);
    i = inode_new(S_IFLNK, 0777);
    bytes_set(&i->data, to, strlen(to));
    bytes_set(&i->safe, to, strlen(to));
    change("", at, i);
    return 0;
}

int disk_stat(const char *path, struct stat *st)
{
    const struct inode *i = disk_find(path);

    if (!i)
        return -ENOENT;
    inode_stat(i, st);
    return 0;
}

const char *disk_entry(const char *folder, unsigned n)
{
    for (unsigned i = 0; i < live.n; i++)
        if (is_below(live.at[i].path, folder) && n-- == 0)
            return strrchr(live.at[i].path, '/') + 1;
    return NULL;
}
