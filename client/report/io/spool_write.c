/* SPDX-License-Identifier: MIT */
/* Writes a batch to the file, in a thread of the pool, which owns file, index, writing and batch meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include "client/report/io/spool_priv.h"

enum { DEAD_MAX = 128 << 10 }; /* bytes of removed records: with more, and more than of the others, the file is rewritten */

static int rewrite(struct spool *s, char *aside)
{
    struct batch *b = &s->batch;
    struct spool_file fresh;
    int r;

    b->moved = calloc(s->index.n ? s->index.n : 1, sizeof *b->moved);
    r = b->moved ? spool_file_rewrite(&b->file, s->index.p, s->index.n, b->give_up, b->moved, aside, &fresh) : -ENOMEM;
    if (r == 0) {
        b->file = fresh; /* the old one is still read from; on_work_done() closes it */
        b->synced = fresh.end;
        return 0;
    }
    b->rewrite_failed = r == -EIO;
    free(b->moved);
    b->moved = NULL;
    return r;
}

static int prepare(struct spool *s)
{
    struct batch *b = &s->batch;
    uint64_t used = b->file.fd >= 0 ? b->file.end - SPOOL_HEADS : 0, dead = used - s->index.bytes;
    int r;

    if (b->file.fd >= 0 && b->file.only_read)
        return 0;
    b->was_gone = b->file.fd >= 0 && spool_file_is_gone(&b->file);
    if (b->file.fd < 0 || b->was_gone)
        return rewrite(s, b->aside);
    if (used < s->index.bytes || dead <= DEAD_MAX || dead <= s->index.bytes)
        return 0;
    r = rewrite(s, NULL);
    return r < 0 && spool_file_is_gone(&b->file) ? r : 0; /* no room for a smaller one: the large one goes on */
}

static void write_op(struct spool *s, struct spool_op *op)
{
    struct batch *b = &s->batch;

    if (ag_buf_size(&op->entry) == 0) {
        uint64_t at = b->moved ? b->moved[op->slot] : s->index.p[op->slot].at;

        op->result = at ? spool_file_set_needs(&b->file, at, op->needs) : 0;
        return;
    }
    op->result = b->file.only_read ? -EROFS : b->result;
    if (op->result < 0)
        return;
    op->at = b->file.end;
    op->result = spool_file_append(&b->file, ag_buf_span(&op->entry));
    if (op->result < 0)
        b->result = op->result; /* nor the ones behind it: their order is kept */
}

void spool_write_none(struct spool *s, int r)
{
    ag_list_for_each (it, &s->writing)
        ag_list_entry(it, struct spool_op, link)->result = r;
}

void spool_write_batch(struct spool *s)
{
    struct batch *b = &s->batch;
    int r = prepare(s);

    if (r < 0) {
        b->result = r;
        spool_write_none(s, r);
        return;
    }
    ag_list_for_each (it, &s->writing)
        write_op(s, ag_list_entry(it, struct spool_op, link));
    if (b->file.only_read)
        return;
    spool_file_tell_length(&b->file, b->synced); /* else it runs further behind */
    r = spool_file_sync(&b->file);
    if (r == 0) {
        b->synced = b->file.end;
        return;
    }
    b->result = r;
    spool_file_cut(&b->file, b->synced); /* nobody knows what is there */
    spool_write_none(s, r);
}
