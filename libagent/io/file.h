/* SPDX-License-Identifier: MIT */
/*
 * Whole small files: read with a bound, replaced in one step, removed. A reader of a file written here sees the old
 * content or the new one, never a mixture, also after power loss.
 */
#ifndef AG_FILE_H
#define AG_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include "libagent/core/buf.h"

/*
 * Appends the whole content. 0, -errno, or -EFBIG when it is longer than max bytes, -EISDIR; out is unchanged on
 * failure.
 */
int ag_file_read(const char *path, size_t max, struct ag_buf *out);

/*
 * The same for a file that somebody else names, below the folder dir (absolute): name is relative to it, or begins with it and a
 * slash. No way leads out: "..", symbolic links, files with a second name and anything but regular files are refused, even if
 * they change meanwhile; so is everything in the folder never (NULL: none), however it is reached. -EPERM: refused.
 */
int ag_file_read_below(const char *dir, struct ag_span name, const char *never, size_t max, struct ag_buf *out);

/*
 * Replaces path: a temporary file in the same directory, fsync, rename, fsync of the directory. mode is set exactly
 * (no umask). 0 or -errno; on failure the old file is kept and no temporary one is left. One exception: -EIO of the last
 * fsync, where the new file is in place but may not survive a crash.
 */
int ag_file_write_atomic(const char *path, const void *data, size_t n, mode_t mode);

/*
 * The same in two steps, for several files that change together or not at all: stage them all, then commit one after the
 * other. What needs room on the disk is done with the first step; until commit nothing has changed.
 */
struct ag_file_stage {
    char *path, *tmp; /* owned */
    int dir_fd;
    bool made; /* tmp is there */
};

#define AG_FILE_STAGE_INIT                                                                                                       \
    {                                                                                                                            \
        NULL, NULL, -1, false                                                                                                    \
    }

/* 0 or -errno (out is untouched, nothing is left). End it with commit or drop. */
int ag_file_stage(struct ag_file_stage *out, const char *path, const void *data, size_t n, mode_t mode);
/* Like the last steps of ag_file_write_atomic(). s is over in any case. */
int ag_file_stage_commit(struct ag_file_stage *s);
/* Leaves everything as it was. One that is over, or AG_FILE_STAGE_INIT, is allowed. */
void ag_file_stage_drop(struct ag_file_stage *s);

/*
 * Removes the temporary files that writers of this path left beside it when they were killed or lost power. Only while
 * no other process writes it. 0 (also when there is none) or -errno.
 */
int ag_file_remove_leftovers(const char *path);

/*
 * Puts the working directory in front of a relative path, in the same buffer of room bytes; an empty or absolute one stays.
 * A daemon does this before it leaves its directory. 0, -errno, -ENAMETOOLONG (path is unchanged).
 */
int ag_file_make_absolute(char *path, size_t room);

/* Removes a regular file, or a symbolic link itself, and makes that lasting. 0 (also when there is none), -errno;
   -EINVAL: something else. */
int ag_file_remove(const char *path);

/*
 * Clears the way for bind(): removes the socket a dead server has left behind. 0 (also when there is nothing),
 * -EADDRINUSE: a server listens there; -EEXIST: something that is no socket; -errno. type: SOCK_STREAM, SOCK_SEQPACKET.
 */
int ag_file_remove_stale_socket(const char *path, int type);

#endif
