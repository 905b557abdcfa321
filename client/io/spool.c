#include "client/io/spool.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/list.h"
#include "libagent/core/log.h"

enum { GATHER_MS = 5, FILE_FACTOR = 4, FILE_BASE = 1 << 20 };

/* One thing to be written; data empty: removed. */
struct spool_op {
    struct ag_list link;
    uint64_t seq;
    uint32_t id;
    struct ag_buf data;
};

struct spool {
    uv_loop_t *loop;
    const struct spool_events *events;
    void *user;
    char *path;
    size_t map_size;
    MDB_env *env; /* NULL: no file yet */
    MDB_dbi dbi;
    struct ag_list gathering; /* struct spool_op, for the next commit */
    struct ag_list writing;   /* the worker's while busy */
    uv_timer_t timer;
    uv_work_t work;
    int result; /* of the worker */
    bool busy, closing;
};

/* LMDB's own codes are outside the range of errno. */
static int as_errno(int r)
{
    if (r == MDB_NOTFOUND)
        return -ENOENT;
    if (r == MDB_MAP_FULL)
        return -ENOSPC;
    return r > 0 ? -r : r < 0 ? -EIO : 0;
}

/* ---- keys: eight bytes, big-endian, so that the file's order is the numbers' order ---- */

struct spool_key {
    uint8_t b[8];
};

static struct spool_key key_of(uint64_t seq)
{
    struct spool_key k;

    for (int i = 7; i >= 0; i--) {
        k.b[i] = (uint8_t) seq;
        seq >>= 8;
    }
    return k;
}

static uint64_t seq_of(const MDB_val *key)
{
    const uint8_t *b = key->mv_data;
    uint64_t seq = 0;

    for (size_t i = 0; i < sizeof(struct spool_key); i++)
        seq = seq << 8 | b[i];
    return seq;
}

/* ---- the file ---- */

static int open_table(struct spool *s)
{
    MDB_txn *txn;
    int r = mdb_txn_begin(s->env, NULL, 0, &txn);

    if (r != 0)
        return r;
    r = mdb_dbi_open(txn, NULL, 0, &s->dbi);
    if (r == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return r;
}

static int open_env(struct spool *s)
{
    int r = mdb_env_create(&s->env);

    if (r != 0) {
        s->env = NULL;
        return r;
    }
    r = mdb_env_set_mapsize(s->env, s->map_size);
    if (r == 0) /* NOTLS: read on the loop, written by whichever thread of the pool */
        r = mdb_env_open(s->env, s->path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (r == 0)
        r = mdb_reader_check(s->env, NULL); /* a process that was killed while it read would keep old pages */
    if (r == 0)
        r = open_table(s);
    if (r != 0) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return r;
}

static int tell_found(struct spool *s)
{
    MDB_val key, val;
    MDB_cursor *cur;
    MDB_txn *txn;
    int r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

    if (r != 0)
        return r;
    r = mdb_cursor_open(txn, s->dbi, &cur);
    if (r == 0) {
        while ((r = mdb_cursor_get(cur, &key, &val, MDB_NEXT)) == 0) {
            struct spool_record rec;
            uint64_t seq;

            if (key.mv_size != sizeof(struct spool_key))
                continue;
            seq = seq_of(&key);
            if (spool_record_decode(&rec, (struct ag_span){val.mv_data, val.mv_size}) == 0)
                s->events->found(s->user, seq, &rec, val.mv_size);
            else
                spool_remove(s, seq);
        }
        mdb_cursor_close(cur);
    }
    mdb_txn_abort(txn);
    return r == MDB_NOTFOUND ? 0 : r;
}

/* A file that LMDB cannot read is put aside: reports of today are worth more than a daemon that does not start. */
static int open_existing(struct spool *s)
{
    char aside[4096];
    int r = open_env(s);

    if (r == 0)
        r = tell_found(s);
    if (r != MDB_INVALID && r != MDB_CORRUPTED && r != MDB_VERSION_MISMATCH && r != MDB_PAGE_NOTFOUND)
        return r;
    snprintf(aside, sizeof aside, "%s.bad", s->path);
    ag_log(AG_LOG_ERROR, "%s: %s; put aside as %s", s->path, mdb_strerror(r), aside);
    if (s->env)
        mdb_env_close(s->env);
    s->env = NULL;
    return rename(s->path, aside) < 0 ? errno : 0;
}

/* ---- writing ---- */

static void op_free(struct spool_op *op)
{
    ag_list_del(&op->link);
    ag_buf_deinit(&op->data);
    free(op);
}

static int write_one(struct spool *s, MDB_txn *txn, struct spool_op *op)
{
    struct spool_key k = key_of(op->seq);
    MDB_val key = {sizeof k, &k}, val = {ag_buf_size(&op->data), op->data.data};
    int r = val.mv_size > 0 ? mdb_put(txn, s->dbi, &key, &val, 0) : mdb_del(txn, s->dbi, &key, NULL);

    return r == MDB_NOTFOUND ? 0 : r;
}

/* In a thread of the pool: nothing but env, dbi, writing and result is touched. */
static void on_work(uv_work_t *work)
{
    struct spool *s = work->data;
    MDB_txn *txn;
    int r = s->env ? 0 : open_env(s);

    if (r == 0)
        r = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (r != 0) {
        s->result = r;
        return;
    }
    ag_list_for_each(it, &s->writing) {
        r = write_one(s, txn, ag_list_entry(it, struct spool_op, link));
        if (r != 0) {
            mdb_txn_abort(txn);
            s->result = r;
            return;
        }
    }
    s->result = mdb_txn_commit(txn);
}

static void on_work_done(uv_work_t *work, int status);

static void commit(struct spool *s)
{
    if (s->busy || ag_list_empty(&s->gathering))
        return;
    s->busy = true;
    ag_list_splice(&s->writing, &s->gathering);
    s->work.data = s;
    if (uv_queue_work(s->loop, &s->work, on_work, on_work_done) < 0) {
        s->result = ENOMEM;
        on_work_done(&s->work, 0);
    }
}

static void on_timer_closed(uv_handle_t *h)
{
    struct spool *s = h->data;
    const struct spool_events *events = s->events;
    void *user = s->user;

    if (s->env)
        mdb_env_close(s->env);
    free(s->path);
    free(s);
    events->closed(user);
}

static void go_on(struct spool *s)
{
    if (!ag_list_empty(&s->gathering))
        commit(s);
    else if (s->closing)
        uv_close((uv_handle_t *) &s->timer, on_timer_closed);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct spool *s = work->data;

    (void) status;
    s->busy = false;
    if (s->result != 0)
        ag_log(AG_LOG_ERROR, "%s: %s", s->path, mdb_strerror(s->result));
    while (!ag_list_empty(&s->writing)) {
        struct spool_op *op = ag_list_first(&s->writing, struct spool_op, link);
        bool put = ag_buf_size(&op->data) > 0;
        uint64_t seq = op->seq;
        uint32_t id = op->id;

        op_free(op);
        if (put && !s->closing)
            s->events->stored(s->user, seq, id, as_errno(s->result));
    }
    go_on(s);
}

static void on_timer(uv_timer_t *t)
{
    commit(t->data);
}

static void gather(struct spool *s, struct spool_op *op)
{
    if (ag_list_empty(&s->gathering) && !s->busy)
        uv_timer_start(&s->timer, on_timer, GATHER_MS, 0);
    ag_list_append(&s->gathering, &op->link);
}

int spool_put(struct spool *s, uint64_t seq, const struct spool_record *rec)
{
    struct spool_op *op = calloc(1, sizeof *op);

    if (!op)
        return -ENOMEM;
    op->seq = seq;
    op->id = rec->id;
    if (spool_record_encode(&op->data, rec) < 0) {
        free(op);
        return -ENOMEM;
    }
    gather(s, op);
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    struct spool_op *op = calloc(1, sizeof *op);

    if (!op)
        return -ENOMEM;
    op->seq = seq;
    gather(s, op);
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    struct spool_key k = key_of(seq);
    MDB_val key = {sizeof k, &k}, val;
    struct spool_record rec;
    MDB_txn *txn;
    int r;

    if (!s->env)
        return -ENOENT;
    r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
    if (r != 0)
        return as_errno(r);
    r = as_errno(mdb_get(txn, s->dbi, &key, &val));
    if (r == 0)
        r = spool_record_decode(&rec, (struct ag_span){val.mv_data, val.mv_size});
    if (r == 0)
        r = ag_buf_append_span(text, rec.text);
    mdb_txn_abort(txn);
    return r;
}

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, size_t max_bytes, const struct spool_events *events,
               void *user, char *error, size_t n_error)
{
    struct spool *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->loop = loop;
    s->events = events;
    s->user = user;
    s->map_size = (max_bytes * FILE_FACTOR + FILE_BASE) & ~(size_t) 0xffff;
    ag_list_init(&s->gathering);
    ag_list_init(&s->writing);
    s->path = strdup(path);
    if (!s->path) {
        free(s);
        return -ENOMEM;
    }
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    *out = s;
    r = access(path, F_OK) == 0 ? open_existing(s) : 0;
    if (r != 0)
        snprintf(error, n_error, "%s: %s", path, mdb_strerror(r));
    return as_errno(r);
}

bool spool_is_idle(const struct spool *s)
{
    return !s->busy && ag_list_empty(&s->gathering);
}

void spool_close(struct spool *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    uv_timer_stop(&s->timer);
    if (!s->busy)
        go_on(s);
}
