/* SPDX-License-Identifier: MIT */
/* Descriptors, and the disk: only what was synced survives a power cut. */
#ifndef WORLD_FILES_H
#define WORLD_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "tests/world/kernel/kernel.h"

enum vkind { V_FILE, V_DIR, V_NULL, V_SOCKET, V_EVENT, V_EPOLL };

struct vfile {
    enum vkind kind;
    struct proc *owner; /* woken by what happens to it; NULL: a stand-in's */
    bool nonblock;
};

int fd_open(struct proc *p, struct vfile *f); /* the descriptor, or -EMFILE and f is closed */
struct vfile *fd_get(struct proc *p, int fd); /* NULL: none */
int fd_close(struct proc *p, int fd);
unsigned fd_count(const struct proc *p);
unsigned vfile_ready(const struct vfile *f);
void vfile_changed(struct vfile *f);

/* ---- the disk ---- */

struct bytes {
    char *p;
    size_t n, room;
};

struct inode {
    int type; /* S_IFREG, S_IFDIR, S_IFLNK, S_IFSOCK */
    mode_t mode;
    unsigned uid;
    uint64_t ino;
    struct bytes data, safe; /* as read now; as it would be after a power cut */
    bool dirty;
    struct proc *locked_by;
};

struct disk {
    bool read_only, full, failing;
    uint64_t n_syncs, n_cuts;
};
extern struct disk disk;

/* Devices; set by the world. NULL: there is none at that path. */
extern struct vfile *(*disk_device)(struct proc *p, const char *path);
void disk_put(const char *path, const void *data, size_t n); /* safe at once */
void disk_put_dir(const char *path);
void disk_put_program(const char *path);
void disk_remove(const char *path);
bool disk_has_after_cut(const char *path); /* it would be there after a power cut */
/* NULL: no such file. */
const struct bytes *disk_get(const char *path);
/* What the disk held at a power cut; live processes must have been killed. */
void disk_power_cut(void);
struct inode *disk_find(const char *path);
struct inode *disk_make_socket(const char *path); /* NULL: something is there */

/* The calls: -errno. */
int disk_open(struct proc *p, const char *path, int flags, mode_t mode);
int disk_rename(const char *from, const char *to);
int disk_link(const char *from, const char *to);
int disk_unlink(const char *path);
int disk_mkdir(const char *path, mode_t mode);
int disk_stat(const char *path, struct stat *st);
int disk_symlink(const char *to, const char *path);
/* Entries of a folder: the i-th name below it, or NULL. */
const char *disk_entry(const char *folder, unsigned i);

struct vopen {
    struct vfile base;
    struct inode *node;
    char path[256];
    off_t at;
    bool writes;
    uint64_t count; /* of an eventfd */
    struct {
        int fd;
        unsigned events;
    } watched[16]; /* of an epoll set */
    unsigned n_watched;
};

ssize_t vopen_read(struct vopen *f, void *p, size_t n, off_t at);
ssize_t vopen_write(struct vopen *f, const void *p, size_t n, off_t at);
int vopen_sync(struct vopen *f);
int vopen_truncate(struct vopen *f, off_t n);
void vopen_close(struct vopen *f);
void inode_stat(const struct inode *i, struct stat *st);

#endif
