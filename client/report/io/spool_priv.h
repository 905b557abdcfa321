/* SPDX-License-Identifier: MIT */
/* What the store has in memory; shared by spool.c, and spool_write.c, which writes the batch. */
#ifndef CLIENT_SPOOL_PRIV_H
#define CLIENT_SPOOL_PRIV_H

#include <uv.h>
#include "client/report/io/spool.h"
#include "client/report/core/spool_index.h"
#include "client/report/io/spool_file.h"
#include "libagent/core/backoff.h"
#include "libagent/core/list.h"
#include "libagent/core/log/log.h"

/* One thing to be written. */
struct spool_op {
    struct ag_list link;
    uint64_t seq;
    uint32_t id;
    struct ag_buf entry; /* empty: who needs the record has changed */
    size_t slot;         /* of that record in the index; set when the batch leaves */
    uint64_t at;         /* of a new record */
    int result;
    uint16_t needs;    /* what is written */
    uint16_t released; /* of a new record, while it was on its way */
};

/* What belongs to the worker until on_work_done(). */
struct batch {
    struct spool_file file; /* the state after it */
    uint64_t synced;
    uint64_t *moved; /* place of each record of the index, when the file was rewritten */
    bool was_gone, give_up, rewrite_failed;
    bool is_last; /* what it cannot write is left as it is */
    char aside[SPOOL_PATH_MAX];
    int result;
};

struct spool {
    uv_loop_t *loop;
    const struct spool_events *events;
    void *user;
    char path[SPOOL_PATH_MAX];
    struct spool_file file;
    struct spool_index index;
    struct spool_ahead ahead; /* of the file, for those who read */
    uint64_t synced;          /* bytes of the file that are on the disk */
    int lock;                 /* descriptor, -1: none */
    int unavailable;          /* -errno: nothing can be read or written; 0 */
    uint64_t look_ms;         /* when to look again */
    struct ag_backoff looks;
    uint64_t failing_since_ms; /* of looks, of rewriting; 0: it goes well */
    uint64_t rewrite_failed_ms;
    uint64_t untold_from; /* records below that number were reported */
    bool tell_again;      /* found() has reported more after spool_open() */
    int said;             /* the error that the log knows of */
    struct ag_log_gate gate;
    struct ag_list gathering; /* struct spool_op, for the next commit */
    unsigned n_puts;          /* of them, those that somebody waits for */
    struct ag_list writing;   /* the worker's while busy */
    uv_timer_t timer;
    uv_work_t work;
    uv_mutex_t mutex; /* held by the worker while it writes */
    bool wiped;       /* under mutex: what is under way must not be written */
    bool busy, closing;
    struct batch batch;
    struct spool_stats stats;
};

/* ---- spool_write.c ---- */

/* Writes what is in writing, each with its result, and syncs. */
void spool_write_batch(struct spool *s);
/* Each ends with that result. */
void spool_write_none(struct spool *s, int r);

#endif
