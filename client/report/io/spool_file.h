/* SPDX-License-Identifier: MIT */
/*
 * The store's file on the disk (its form: client/report/core/spool_form.h), and what can happen to it: damaged, cut short,
 * of another form, not a file, not ours, removed or replaced while it is in use; a disk that is full, read-only, gone or
 * failing. All calls block; they never end the process: the file is never mapped into memory, and nothing in it is
 * trusted unchecked.
 *
 * A file that is not as it was left is put aside as PATH.bad (or PATH.bad2 if that is impossible) and replaces the one put aside
 * before. What could be read of it goes into a new file first.
 *
 * A read that fails is not damage: the call fails, the file stays where it is, and the caller tries again. Not for ever, since
 * a bad sector stays bad: with give_up set, what the disk does not give counts as damage, as long as it gives something.
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
    bool only_read; /* it cannot be written, as on a read-only file system */
    uint64_t end;   /* where the next entry goes */
    uint64_t turn;  /* of the head written last */
    uint64_t told;  /* length in that head */
};

/* Keeps other processes out of the file's folder as long as the descriptor in *lock_out is open; -1: this file system has no
   locks. 0; -EBUSY: another process has it; -errno. */
int spool_file_lock(const char *path, int *lock_out);

/*
 * Bytes read ahead, for entries that are read one after the other. All zero: none. They are a copy of what was on the disk, so
 * they are dropped when another file replaces this one. Ended by spool_ahead_drop().
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
    SPOOL_FOUND_STRANGE, /* not a regular file, or it cannot be opened: put it aside */
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
 * Replaces whatever is at the path by a new file with those of the n places that can be read from the old one (f->fd may be
 * -1: none); it is put aside first when aside_out is not NULL. at_out[i]: the new place of each, 0: it could not be read.
 * *to_out is the new file; f stays open and is not changed. 0 or -errno: nothing is changed.
 */
int spool_file_rewrite(const struct spool_file *f, const struct spool_place *places, size_t n, bool give_up, uint64_t *at_out,
                       char *aside_out, struct spool_file *to_out);

/* The file that is open is one of a version before 0.2: 1, 0; -errno. */
int spool_file_is_old(const struct spool_file *f);
/*
 * Replaces it by a new file with what can be read from it, and puts it aside. The new file is to be opened. 0 or -errno:
 * nothing is changed.
 */
int spool_file_take_over(const struct spool_file *f, bool give_up, char aside_out[SPOOL_PATH_MAX], unsigned *n_taken_out,
                         unsigned *n_damaged_out);

/* The path no longer names this file, or it is shorter than what was written. */
bool spool_file_is_gone(const struct spool_file *f);

/* Appends an entry, which is not on the disk before spool_file_sync(). 0 or -errno: the end is where it was. */
int spool_file_append(struct spool_file *f, struct ag_span entry);
/* Drops what follows that place. */
void spool_file_cut(struct spool_file *f, uint64_t end);
/* These need the entry at a place from now on; 0: nobody. 0 or -errno. */
int spool_file_set_needs(const struct spool_file *f, uint64_t at, unsigned needs);
/* 0: all that was written is on the disk; -errno: that cannot be told. */
int spool_file_sync(struct spool_file *f);
/* Writes the file's length into the head; only at rest, when that much is on the disk. */
int spool_file_tell_length(struct spool_file *f, uint64_t length);

/* Appends the body of an entry that was synced. 0; -EBADMSG, -ENODATA: damaged; -errno. */
int spool_file_read(const struct spool_file *f, struct spool_ahead *ahead, uint64_t at, uint64_t seq, struct ag_buf *body);
/* This result of spool_file_read() is final: trying again does not help. */
bool spool_is_damage(int r);

/* Removes the file, what was put aside and all that belongs to it, and makes that lasting. 0 or -errno. */
int spool_file_wipe(const char *path);

#endif
