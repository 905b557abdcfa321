/* SPDX-License-Identifier: MIT */
/*
 * The store of kept reports: one file, records by sequence number, each with the set of those who still need it (bits, whose
 * meaning is the caller's and never changes: they are in the file). Writes are committed on a thread of libuv's pool, so that
 * no flash write stops the loop. Each commit takes all that has come during the last one; it is on the disk (fsync) when
 * stored() names it. After a kill or a power failure everything that was stored is still there.
 *
 * The file is made at the first write, so a device that never loses its cloud has none. In whatever state the file or
 * the disk is, the store opens and the process lives: what cannot be kept is refused with the reason, and a damaged file is put
 * aside (client/report/io/spool_file.h), each time with a line in the log. When the disk works again, reports are kept again.
 *
 * A read that fails while the file is scanned is not damage: nothing is kept meanwhile, the file stays, and the scan is repeated
 * after 5 s, 10 s ... 5 minutes. What the disk has not given for half an hour counts as damage, so that one bad sector
 * does not disable the store for good.
 */
#ifndef CLIENT_SPOOL_H
#define CLIENT_SPOOL_H

#include <stdbool.h>
#include <uv.h>
#include "client/report/core/spool_record.h"

struct spool;

struct spool_events {
    /* A record that an earlier run has left, in order; within spool_open() or spool_ready(), or later if the disk could not
       be read then. 0; negative: it is not wanted, and is removed. */
    int (*found)(void *user, uint64_t seq, unsigned needs, const struct spool_record *rec);
    /* The disk was checked again after spool_open(): found() may have reported more. */
    void (*again)(void *user);
    /* r 0: on the disk. Negative: it could not be stored; -ECANCELED: removed before it was. */
    void (*stored)(void *user, uint64_t seq, uint32_t id, int r);
    /* spool_close() is complete: everything is on the disk and the spool is freed. */
    void (*closed)(void *user);
};

/* Since the start. */
struct spool_stats {
    uint64_t put_aside; /* files */
    uint64_t damaged;   /* places in files, and records of another version */
    uint64_t lost;      /* records that were here and could not be read again */
    uint64_t failed;    /* writes */
};

/* 0 or -ENOMEM: nothing is open. */
int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user);

/* Whether a record can be kept now. 0, or -errno: why not. After a while it checks the disk again. */
int spool_ready(struct spool *s);

/* The record is copied; the number is above all others; needs is not 0. 0 (stored() follows), -ENOMEM, -EMSGSIZE. */
int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec);
/* Those of the set no longer need it; when nobody does, it is removed. 0, or -ENOMEM: they may get it again after a restart. */
int spool_release(struct spool *s, uint64_t seq, unsigned needs);
/* Nobody needs it. As spool_release(). */
int spool_remove(struct spool *s, uint64_t seq);
/* Bits of one reader become another's, for a record that found() reported. 0 or -ENOMEM. */
int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to);

/* The text of a stored record, appended. 0; -ENOENT: no such record; -EBADMSG, -EIO ...: it cannot be read; -ENOMEM. */
int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text);

/*
 * Removes every record, the file and what was put aside, and returns when that is on the disk: 0 or -errno. stored() follows
 * with -ECANCELED for what was under way. Waits for the write that is under way. -EBUSY: another process has this store.
 */
int spool_wipe(struct spool *s);

/* Nothing waits to be written. */
bool spool_is_idle(const struct spool *s);
void spool_get_stats(const struct spool *s, struct spool_stats *out);

/* Why nothing can be kept now, -errno; 0: it can, or has not been tried. */
int spool_error(const struct spool *s);

void spool_close(struct spool *s);

#endif
