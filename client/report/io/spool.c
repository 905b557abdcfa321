/* SPDX-License-Identifier: MIT */
#include "client/report/io/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/device/io/heap.h"
#include "client/report/io/spool_find.h"
#include "client/report/io/spool_priv.h"
#include "libagent/core/deadline.h"

enum {
    GATHER_MS = 50,   /* to collect removals; whoever puts a record in waits only for the disk */
    RETRY_MS = 10000, /* what could not be taken out */
    LOOK_MS = 5000,   /* after a disk that could not be used; doubled each time after a failed read */
    LOOK_MAX_MS = 300000,
    GIVE_UP_MS = 1800000, /* what the disk has not given for so long counts as damage */
    MANY = 1024           /* records: after so many, memory is given back */
};

/* A disk that fails now and then does not fill the log. */
static void say(struct spool *s, int error, const char *what)
{
    if (error == s->said)
        return;
    s->said = error;
    if (error == 0)
        ag_log_gated(&s->gate, uv_now(s->loop), AG_LOG_INFO, "%s: reports are kept again", s->path);
    else
        ag_log_gated(&s->gate, uv_now(s->loop), AG_LOG_ERROR, "%s: %s: %s; reports cannot be kept", s->path, what,
                     strerror(-error));
}

static void failed_since(uint64_t *since_ms, uint64_t now_ms, bool failed)
{
    if (!failed)
        *since_ms = 0;
    else if (*since_ms == 0)
        *since_ms = now_ms ? now_ms : 1;
}

static bool is_to_give_up(const struct spool *s, uint64_t since_ms)
{
    return since_ms != 0 && uv_now(s->loop) - since_ms >= GIVE_UP_MS;
}

static void put_in_list(struct spool *s, struct spool_op *op)
{
    ag_list_append(&s->gathering, &op->link);
}

static void op_free(struct spool_op *op)
{
    ag_list_del(&op->link);
    ag_buf_deinit(&op->entry);
    free(op);
}

/* ---- what an earlier run has left ---- */

static int tell_one(struct spool *s, const struct spool_place *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    struct spool_record rec;
    int r = spool_file_read(&s->file, &s->ahead, p->at, p->seq, &body);

    if (r < 0 && !spool_is_damage(r) && (r == -ENOMEM || !is_to_give_up(s, s->failing_since_ms)))
        return r;
    if (r < 0 || spool_record_decode(&rec, ag_buf_span(&body)) != 0) {
        s->stats.lost++;
        spool_remove(s, p->seq);
    } else if (s->events->found(s->user, p->seq, p->wanted, &rec) != 0) {
        spool_remove(s, p->seq);
    }
    return 0;
}

/* In the order of the numbers, which a damaged file may not have. 0; -errno: the rest another time. */
static int tell_found(struct spool *s)
{
    for (size_t i = 0; i < s->index.n; i++) {
        struct spool_place p = s->index.p[i];
        int r;

        if (p.size == 0 || p.seq < s->untold_from)
            continue;
        r = tell_one(s, &p);
        if (r < 0)
            return r;
        s->untold_from = p.seq + 1;
    }
    return 0;
}

static int look(struct spool *s)
{
    struct spool_find f = {.path = s->path, .said = s->said, .give_up = is_to_give_up(s, s->failing_since_ms)};
    int r = s->lock < 0 ? spool_file_lock(s->path, &s->lock) : 0;

    if (r < 0)
        return r;
    if (s->file.fd >= 0)
        return tell_found(s); /* it was scanned, but not all could be reported */
    r = spool_find(&f);
    spool_index_deinit(&s->index);
    s->index = f.index;
    s->file = f.file;
    s->synced = s->file.fd >= 0 ? s->file.end : 0;
    s->stats.put_aside += f.n_put_aside;
    s->stats.damaged += f.n_damaged;
    s->untold_from = 0;
    return r == 0 ? tell_found(s) : r;
}

static void start_timer(struct spool *s, unsigned ms);

static unsigned until_look(const struct spool *s)
{
    uint64_t now_ms = uv_now(s->loop);

    return (unsigned) ag_ms_until(s->look_ms, now_ms);
}

/* Checks the file; a failure is remembered, and the file is checked again later. */
static void look_and_say(struct spool *s)
{
    unsigned pause_ms;
    bool failing;

    s->unavailable = look(s);
    spool_ahead_drop(&s->ahead);
    failing = s->unavailable == -EIO;
    failed_since(&s->failing_since_ms, uv_now(s->loop), failing);
    if (!failing)
        ag_backoff_reset(&s->looks);
    pause_ms = ag_backoff_next(&s->looks);
    s->look_ms = uv_now(s->loop) + pause_ms;
    if (s->unavailable == -EBUSY)
        say(s, s->unavailable, "another process has this folder");
    else if (failing)
        say(s, s->unavailable, "cannot be read now, stays where it is and is tried again");
    else
        say(s, s->unavailable, "not usable");
    if (s->unavailable < 0)
        start_timer(s, pause_ms);
}

static void look_again(struct spool *s)
{
    look_and_say(s);
    s->tell_again = true; /* from the timer: whoever asks us now is in the middle of something */
    start_timer(s, 0);
}

/* ---- batches ---- */

static void on_work(uv_work_t *work)
{
    struct spool *s = work->data;

    uv_mutex_lock(&s->mutex);
    if (s->wiped)
        spool_write_none(s, -ECANCELED);
    else
        spool_write_batch(s);
    uv_mutex_unlock(&s->mutex);
}

static void on_work_done(uv_work_t *work, int status);

/* Takes what can be written now; n_puts: new records among it. false: nothing. */
static bool fill_batch(struct spool *s, size_t *n_puts)
{
    *n_puts = 0;
    ag_list_for_each_safe (it, &s->gathering) {
        struct spool_op *op = ag_list_entry(it, struct spool_op, link);
        struct spool_place *p;

        if (ag_buf_size(&op->entry) > 0) {
            ++*n_puts;
        } else {
            p = spool_index_find(&s->index, op->seq);
            if (!p) {
                op_free(op); /* it never got here */
                continue;
            }
            op->slot = (size_t) (p - s->index.p);
            op->needs = p->wanted;
        }
        ag_list_del(&op->link);
        ag_list_append(&s->writing, &op->link);
    }
    s->n_puts = 0;
    return !ag_list_empty(&s->writing);
}

static bool is_only_read(const struct spool *s)
{
    return s->file.fd >= 0 && s->file.only_read;
}

/* A disk that could only be read when the file was opened may have become writable since. */
static void try_to_write(struct spool *s)
{
    uint64_t now_ms = uv_now(s->loop);

    if (s->busy || s->unavailable < 0 || !is_only_read(s) || (now_ms < s->look_ms && !s->closing))
        return;
    s->look_ms = now_ms + LOOK_MS;
    if (spool_file_make_writable(&s->file) == 0)
        ag_log(AG_LOG_INFO, "%s: can be written again", s->path);
}

static void commit(struct spool *s)
{
    size_t n_puts;

    if (s->busy || !fill_batch(s, &n_puts))
        return;
    try_to_write(s);
    s->busy = true;
    s->wiped = false;
    s->batch = (struct batch){
        .file = s->file, .synced = s->synced, .give_up = is_to_give_up(s, s->rewrite_failed_ms), .is_last = s->closing};
    s->batch.result = spool_index_reserve(&s->index, n_puts); /* what is on the disk must have its place here */
    s->work.data = s;
    if (uv_queue_work(s->loop, &s->work, on_work, on_work_done) < 0) {
        s->batch.result = -ENOMEM;
        spool_write_none(s, -ENOMEM);
        on_work_done(&s->work, 0);
    }
}

static void take_file(struct spool *s)
{
    struct batch *b = &s->batch;
    size_t n_lost = 0;

    if (s->wiped || b->moved)
        spool_ahead_drop(&s->ahead);
    if (s->wiped) {
        if (b->file.fd != s->file.fd)
            spool_file_close(&b->file);
        spool_file_close(&s->file);
        return;
    }
    if (b->moved) {
        for (size_t i = 0; i < s->index.n; i++) {
            n_lost += s->index.p[i].size > 0 && b->moved[i] == 0 && s->index.p[i].at != 0;
            s->index.p[i].at = b->moved[i];
        }
        if (s->file.fd >= 0)
            spool_file_close(&s->file);
    }
    s->file = b->file;
    s->synced = b->synced;
    s->stats.lost += n_lost;
    if (b->was_gone && b->moved)
        ag_log(AG_LOG_ERROR, "%s: removed, replaced or cut while it was in use; rewritten, %zu reports lost%s%s", s->path, n_lost,
               b->aside[0] ? ", what was there put aside as " : "", b->aside);
    else if (b->moved && b->aside[0])
        ag_log(AG_LOG_ERROR, "%s: replaced by something else; put aside as %s", s->path, b->aside);
    s->stats.put_aside += b->moved && b->aside[0];
}

static void end_put(struct spool *s, struct spool_op *op)
{
    uint64_t seq = op->seq;
    uint32_t id = op->id, size = (uint32_t) ag_buf_size(&op->entry);
    int r = op->result;
    unsigned needs = op->needs, released = op->released;

    if (r == 0)
        r = spool_index_add(&s->index, seq, op->at, size, needs);
    op_free(op);
    s->stats.failed += r < 0 && r != -ECANCELED;
    if (released && r == 0) {
        spool_release(s, seq, released);
        if ((needs & ~released) == 0)
            r = -ECANCELED;
    }
    if (!s->closing)
        s->events->stored(s->user, seq, id, r);
}

/* The last record has gone, and no new one is on its way. */
static void rest(struct spool *s)
{
    bool were_many = s->index.cap >= MANY;

    spool_ahead_drop(&s->ahead);
    spool_index_deinit(&s->index);
    if (were_many)
        heap_give_back();
}

static void end_op(struct spool *s, struct spool_op *op)
{
    if (ag_buf_size(&op->entry) > 0) {
        end_put(s, op);
    } else if (op->result == 0 || op->result == -ECANCELED || s->batch.is_last) {
        struct spool_place *p = spool_index_find(&s->index, op->seq);

        if (p)
            p->needs = op->needs;
        if (op->needs == 0)
            spool_index_remove(&s->index, op->seq);
        op_free(op);
    } else { /* once more, later: else it would be sent again after a restart */
        ag_list_del(&op->link);
        put_in_list(s, op);
        start_timer(s, RETRY_MS);
    }
}

static void on_timer_closed(uv_handle_t *h)
{
    struct spool *s = h->data;
    const struct spool_events *events = s->events;
    void *user = s->user;

    if (s->file.fd >= 0 && !s->file.only_read && spool_file_tell_length(&s->file, s->synced) == 0)
        spool_file_sync(&s->file);
    spool_file_close(&s->file);
    if (s->lock >= 0)
        close(s->lock);
    spool_index_deinit(&s->index);
    spool_ahead_drop(&s->ahead);
    uv_mutex_destroy(&s->mutex);
    free(s);
    events->closed(user);
}

static void end_if_closing(struct spool *s)
{
    if (s->busy || !s->closing)
        return;
    commit(s);
    if (!s->busy && !uv_is_closing((uv_handle_t *) &s->timer))
        uv_close((uv_handle_t *) &s->timer, on_timer_closed);
}

static void on_work_done(uv_work_t *work, int status)
{
    struct spool *s = work->data;
    struct ag_list done;

    (void) status;
    take_file(s);
    failed_since(&s->rewrite_failed_ms, uv_now(s->loop), s->batch.rewrite_failed);
    free(s->batch.moved);
    s->batch.moved = NULL;
    s->busy = false;
    if (s->wiped)
        spool_write_none(s, -ECANCELED);
    else if (!is_only_read(s))
        say(s, s->batch.result, "cannot be written");
    if (!ag_list_empty(&s->gathering))
        start_timer(s, s->n_puts ? 0 : GATHER_MS);
    if (s->tell_again)
        start_timer(s, 0);
    else if (s->unavailable < 0)
        start_timer(s, until_look(s));
    ag_list_init(&done);
    ag_list_splice(&done, &s->writing);
    while (!ag_list_empty(&done))
        end_op(s, ag_list_first(&done, struct spool_op, link));
    if (!s->busy && spool_index_count(&s->index) == 0)
        rest(s);
    end_if_closing(s);
}

static void on_timer(uv_timer_t *t)
{
    struct spool *s = t->data;

    if (s->unavailable < 0 && uv_now(s->loop) >= s->look_ms) {
        look_again(s);
        return;
    }
    if (s->tell_again) {
        s->tell_again = false;
        s->events->again(s->user);
    }
    commit(s);
    if (s->unavailable < 0)
        start_timer(s, until_look(s));
}

static void start_timer(struct spool *s, unsigned ms)
{
    if (!s->busy && !s->closing && (!uv_is_active((uv_handle_t *) &s->timer) || uv_timer_get_due_in(&s->timer) > ms))
        uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* ---- calls ---- */

static struct spool_op *op_new(struct spool *s, uint64_t seq)
{
    struct spool_op *op = calloc(1, sizeof *op);

    if (op) {
        op->seq = seq;
        put_in_list(s, op);
    }
    return op;
}

int spool_ready(struct spool *s)
{
    if (s->unavailable < 0 && uv_now(s->loop) >= s->look_ms)
        look_again(s);
    try_to_write(s);
    return s->unavailable < 0 ? s->unavailable : is_only_read(s) ? -EROFS : 0;
}

int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    struct spool_op *op;
    int r = spool_record_encode(&body, rec);

    if (r < 0)
        return r;
    op = op_new(s, seq);
    if (!op)
        return -ENOMEM;
    op->id = rec->id;
    op->needs = (uint16_t) needs;
    r = spool_form_entry(&op->entry, seq, needs, ag_buf_span(&body));
    if (r < 0) {
        op_free(op);
        return r;
    }
    s->n_puts++;
    start_timer(s, 0);
    return 0;
}

/* A record that has not got to the disk yet. */
static struct spool_op *find_put(struct ag_list *list, uint64_t seq)
{
    for (struct ag_list *it = list->prev; it != list; it = it->prev) {
        struct spool_op *op = ag_list_entry(it, struct spool_op, link);

        if (op->seq == seq && op->id != 0)
            return op;
    }
    return NULL;
}

static int set_wanted(struct spool *s, struct spool_place *p, unsigned wanted)
{
    if (p->wanted == wanted)
        return 0;
    if (!op_new(s, p->seq))
        return -ENOMEM;
    p->wanted = (uint16_t) wanted;
    start_timer(s, GATHER_MS);
    return 0;
}

int spool_release(struct spool *s, uint64_t seq, unsigned needs)
{
    struct spool_place *p = spool_index_find(&s->index, seq);
    struct spool_op *op;

    if (p)
        return set_wanted(s, p, p->wanted & ~needs);
    op = find_put(&s->writing, seq);
    if (!op)
        op = find_put(&s->gathering, seq);
    if (op)
        op->released |= (uint16_t) needs;
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    return spool_release(s, seq, UINT16_MAX);
}

int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to)
{
    struct spool_place *p = spool_index_find(&s->index, seq);

    return p && p->wanted & from ? set_wanted(s, p, (p->wanted & ~from) | to) : 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    struct spool_place *p = spool_index_find(&s->index, seq);
    struct spool_record rec;
    int r;

    if (!p || s->file.fd < 0)
        return -ENOENT;
    r = spool_file_read(&s->file, &s->ahead, p->at, seq, &body);
    if (r == 0)
        r = spool_record_decode(&rec, ag_buf_span(&body));
    if (r == 0)
        return ag_buf_append_span(text, rec.text);
    s->stats.lost += r > 0 || spool_is_damage(r);
    return r > 0 ? -EBADMSG : r;
}

int spool_wipe(struct spool *s)
{
    struct ag_list puts;
    int r;

    if (s->unavailable == -EBUSY)
        return -EBUSY; /* the other process' file */
    ag_list_init(&puts);
    uv_mutex_lock(&s->mutex);
    s->wiped = true;
    r = spool_file_wipe(s->path);
    spool_index_clear(&s->index);
    spool_ahead_drop(&s->ahead);
    ag_list_splice(&puts, &s->gathering);
    s->n_puts = 0;
    uv_mutex_unlock(&s->mutex);
    if (!s->busy)
        spool_file_close(&s->file);
    s->synced = 0;
    s->unavailable = 0;
    s->failing_since_ms = s->rewrite_failed_ms = 0;
    while (!ag_list_empty(&puts)) {
        struct spool_op *op = ag_list_first(&puts, struct spool_op, link);

        op->result = -ECANCELED;
        end_op(s, op);
    }
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: cannot be removed: %s", s->path, strerror(-r));
    return r;
}

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user)
{
    struct spool *s = calloc(1, sizeof *s);

    if (!s || uv_mutex_init(&s->mutex) < 0) {
        free(s);
        return -ENOMEM;
    }
    s->loop = loop;
    s->events = events;
    ag_backoff_init_steady(&s->looks, LOOK_MS, LOOK_MAX_MS);
    s->user = user;
    s->lock = s->file.fd = -1;
    s->gate.burst = 10;
    s->gate.period_ms = 60000;
    spool_index_init(&s->index);
    ag_list_init(&s->gathering);
    ag_list_init(&s->writing);
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    snprintf(s->path, sizeof s->path, "%s", path);
    *out = s;
    look_and_say(s);
    return 0;
}

bool spool_is_idle(const struct spool *s)
{
    return !s->busy && ag_list_empty(&s->gathering);
}

void spool_get_stats(const struct spool *s, struct spool_stats *out)
{
    *out = s->stats;
}

void spool_close(struct spool *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    uv_timer_stop(&s->timer);
    end_if_closing(s);
}

int spool_error(const struct spool *s)
{
    return s->said;
}
