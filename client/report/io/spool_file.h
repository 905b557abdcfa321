/* SPDX-License-Identifier: MIT */
/*
 * The store's file on the disk (its form: client/report/core/spool_form.h), and what can befall it: damaged, cut short,
 * of another form, not a file, not ours, removed or replaced while it is in use; a disk that is full, read-only, gone or
 * failing. All calls block; they never end the process: the file is never mapped into memory, and nothing in it is
 * believed unchecked.
 *
 * A file that is not as it was left is put aside as PATH.bad (PATH.bad2 when that cannot be); the one put aside before gives
 * way. What could be read of it goes into a new file first.
 *
 * What a disk does not give at the moment (a read that fails) is not damage: the call fails, the file stays where it is, and
 * the caller tries again. Not for ever, since a bad sector stays bad: with give_up set, what the disk does not give counts as
 * damage, as long as it gives something.
 */
#ifndef CLIENT_SPOOL_FILE_H
#define CLIENT_SPOOL_FILE_H

#include "client/report/core/spool_form.h"
#include "client/report/core/spool_index.h"

enum { SPOOL_PATH_MAX = 600 };

/* Copied as it is; whoever holds the last copy closes fd. */
struct spool_file {
    char path[SPOOL_PATH_MAX];
    int fd;         /* -1: there is none */
    bool only_read; /* it cannot be written: a read-only file system */
    uint64_t end;   /* where the next entry goes */
    uint64_t turn;  /* of the head written last */
    uint64_t told;  /* length in that head */
};

/* Keeps other processes off the file's folder for as long as the descriptor in *lock_out is open; -1: this file system
   knows no locks. 0; -EBUSY: another process has it; -errno. */
int spool_file_lock(const char *path, int *lock_out);

/*
 * What was read of a file in one go, for who reads one entry behind the other. All zero: nothing. It is a copy of bytes that were
 * on the disk, so it is dropped when another file takes the place. Ended by spool_ahead_drop().
 */
struct spool_ahead {
    char *data;
    uint64_t at;
    size_t len;
};

void spool_ahead_drop(struct spool_ahead *a);

enum spool_found {
    SPOOL_FOUND_NONE,    /* no file */
    SPOOL_FOUND_FORM,    /* scanned; see struct spool_scan */
    SPOOL_FOUND_STRANGE, /* not a regular file, or not to be opened: put it aside */
};

/* Opens what is there and scans it. 0 with *found_out, -errno: nothing is open; entries may have been reported. */
int spool_file_open(struct spool_file *f, const char *path, bool give_up, enum spool_found *found_out,
                    struct spool_scan *scan_out, spool_entry_fn *entry, void *user);
void spool_file_close(struct spool_file *f);
/* One that could only be read, opened again. 0; -errno: it stays as it is. */
int spool_file_make_writable(struct spool_file *f);

/* Renames what is at the path. aside_out: its new name. 0 or -errno. */
int spool_file_put_aside(const char *path, char aside_out[SPOOL_PATH_MAX]);

/*
 * A new file with the n places that can be read of the old one (f->fd may be -1: none), in the place of whatever is at the
 * path: that is put aside first when aside_out is not NULL. at_out[i]: the new place of each, 0: it could not be read.
 * *to_out is the new file; f stays open and is not changed. 0 or -errno: nothing is changed.
 */
int spool_file_rewrite(const struct spool_file *f, const struct spool_place *places, size_t n, bool give_up, uint64_t *at_out,
                       char *aside_out, struct spool_file *to_out);

/* The file that is open is one of a version before 0.2: 1, 0; -errno. */
int spool_file_is_old(const struct spool_file *f);
/*
 * A new file with what can be read of that one, in its place; it is put aside. To be opened again. 0 or -errno: nothing
 * is changed.
 */
int spool_file_take_over(const struct spool_file *f, bool give_up, char aside_out[SPOOL_PATH_MAX], unsigned *n_taken_out,
                         unsigned *n_damaged_out);

/* The path no longer names this file, or it is shorter than what was written. */
bool spool_file_is_gone(const struct spool_file *f);

/* One entry at the end; it is not on the disk before spool_file_sync(). 0 or -errno: the end is where it was. */
int spool_file_append(struct spool_file *f, struct ag_span entry);
/* What follows that place is not wanted. */
void spool_file_cut(struct spool_file *f, uint64_t end);
/* These need the entry at a place from now on; 0: nobody. 0 or -errno. */
int spool_file_set_needs(const struct spool_file *f, uint64_t at, unsigned needs);
/* All that was written is on the disk. 0 or -errno: nobody knows. */
int spool_file_sync(struct spool_file *f);
/* Writes into the head how long the file is; at rest only, when that is on the disk. */
int spool_file_tell_length(struct spool_file *f, uint64_t length);

/* Appends the body of an entry that was synced. 0; -EBADMSG, -ENODATA: damaged; -errno. */
int spool_file_read(const struct spool_file *f, struct spool_ahead *ahead, uint64_t at, uint64_t seq, struct ag_buf *body);
/* What spool_file_read() gave says that it will never give more. */
bool spool_is_damage(int r);

/* Removes the file, what was put aside and all that belongs to it, and makes that lasting. 0 or -errno. */
int spool_file_wipe(const char *path);

#endif
