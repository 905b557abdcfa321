/*
 * The store of kept reports: one LMDB file, records by sequence number. Writes are gathered for a few milliseconds and
 * committed together on a thread of libuv's pool, so that no flash write stops the loop; a commit is on the disk (fsync)
 * when stored() tells of it. A process that is killed, or a device that loses its power, finds all that was stored.
 *
 * The file is made at the first write, so a device that never loses its cloud has none.
 */
#ifndef CLIENT_SPOOL_H
#define CLIENT_SPOOL_H

#include <stdbool.h>
#include <uv.h>
#include "client/core/spool_record.h"

struct spool;

struct spool_events {
    /* A record that was there at the start, in order; within spool_open(). */
    void (*found)(void *user, uint64_t seq, const struct spool_record *rec, size_t size);
    /* r 0: on the disk. Negative: it could not be stored, and is not. */
    void (*stored)(void *user, uint64_t seq, uint32_t id, int r);
    /* spool_close() is complete: everything is on the disk and the spool is freed. */
    void (*closed)(void *user);
};

/* max_bytes: of records; the file may become a few times as large. 0; -ENOMEM: nothing is open; -errno with
   one line in error: close it. */
int spool_open(struct spool **out, uv_loop_t *loop, const char *path, size_t max_bytes, const struct spool_events *events,
               void *user, char *error, size_t n_error);

/* The record is copied. 0 (stored() follows) or -ENOMEM. */
int spool_put(struct spool *s, uint64_t seq, const struct spool_record *rec);
/* 0 or -ENOMEM: it may come again after a restart. */
int spool_remove(struct spool *s, uint64_t seq);

/* The text of a stored record, appended. 0, -ENOENT, -errno. */
int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text);

/* Nothing waits to be written. */
bool spool_is_idle(const struct spool *s);

void spool_close(struct spool *s);

#endif
