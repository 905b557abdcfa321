/* SPDX-License-Identifier: MIT */
#include "agent/core/send/out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/codes.h"
#include "libagent/core/pack/pack.h"

enum {
    SPARE_MAX = 64 * 1024,  /* a larger buffer goes back to the heap when drained */
    HEAD = sizeof(uint32_t) /* of a packet record */
};

static void work_add(struct router *r, struct peer *p)
{
    if (ag_list_empty(&p->work) && !p->shut)
        ag_list_append(&r->work, &p->work);
}

/* Gives the buffer of a drained peer to the spare ones, or to the heap. */
static void out_release(struct router *r, struct peer *p)
{
    p->out_texts = 0;
    if (p->out.cap == 0)
        return;
    if (p->out.cap <= SPARE_MAX && r->n_spare < ROUTER_SPARE_BUFS) {
        ag_buf_clear(&p->out);
        r->spare[r->n_spare++] = p->out;
        ag_buf_init(&p->out);
    } else {
        ag_buf_deinit(&p->out);
    }
}

static void out_drop(struct router *r, struct peer *p)
{
    r->queued -= ag_buf_size(&p->out);
    if (p->role == PEER_UPSTREAM)
        r->stats.upstream_lost_texts += p->out_texts;
    else
        r->stats.peer_lost_texts += p->out_texts;
    ag_buf_clear(&p->out);
    out_release(r, p);
}

void out_end(struct router *r, struct peer *p, enum peer_end why)
{
    if (!peer_is_open(p))
        return;
    p->end = (uint8_t) why;
    if (why != PEER_END_INPUT)
        out_drop(r, p);
    work_add(r, p);
}

static void end_overflown(struct router *r, struct peer *p)
{
    if (p->role == PEER_UPSTREAM)
        r->stats.upstream_overflows++;
    else
        r->stats.queue_overflows++;
    out_end(r, p, PEER_END_QUEUE);
}

/* All queues together are too large: ends the peer that holds most. */
static void out_end_greediest(struct router *r)
{
    struct peer *worst = r->upstream && peer_is_open(r->upstream) ? r->upstream : NULL;

    ag_list_for_each (it, &r->peers) {
        struct peer *p = ag_list_entry(it, struct peer, all);

        if (peer_is_open(p) && (!worst || peer_kept(p) > peer_kept(worst)))
            worst = p;
    }
    if (!worst)
        return;
    r->stats.total_overflows++;
    out_end(r, worst, PEER_END_TOTAL);
    out_held(r, worst, 0);
}

/* More than the limit: answers to upstream may take as much again, anything else is refused or ends the peer. */
static __attribute__((noinline)) int quota_exceeded(struct router *r, struct peer *to, enum out_kind kind, size_t after)
{
    if (to->role == PEER_UPSTREAM) {
        if (kind == OUT_MESSAGE)
            return OUT_E_FULL;
        if (after <= (size_t) r->limits.upstream_queue * 2)
            return 0;
    }
    end_overflown(r, to);
    return OUT_E_FULL;
}

/* A text of n bytes to come: is there room? */
static inline int quota_check(struct router *r, struct peer *to, enum out_kind kind, size_t n)
{
    size_t after = ag_buf_size(&to->out) + n + HEAD;
    size_t max = to->role == PEER_UPSTREAM ? r->limits.upstream_queue : r->limits.queue;

    if (!peer_is_open(to))
        return OUT_E_CLOSED;
    return after <= max ? 0 : quota_exceeded(r, to, kind, after);
}

/* Storage for an empty out buffer: a spare one when there is any. */
static inline void out_get_storage(struct router *r, struct peer *p)
{
    if (p->out.cap == 0 && r->n_spare > 0)
        p->out = r->spare[--r->n_spare];
}

/* Room for n bytes at the end of out, behind a record's head if there is one; NULL when memory is short. */
static inline char *out_room(struct router *r, struct peer *p, size_t n)
{
    out_get_storage(r, p);
    if (p->out.cap - p->out.len < n + HEAD && ag_buf_reserve(&p->out, n + HEAD) < 0)
        return NULL;
    return p->out.data + p->out.len + (p->packets ? HEAD : 0);
}

static void out_commit(struct router *r, struct peer *p, size_t n)
{
    if (p->packets) {
        uint32_t len = (uint32_t) n;

        memcpy(p->out.data + p->out.len, &len, HEAD);
        n += HEAD;
    }
    p->out.len += n;
    p->out_texts++;
    p->texts_out++;
    r->queued += n;
    work_add(r, p);
    if (r->queued + r->held > r->limits.total)
        out_end_greediest(r);
}

/* Nobody must wait for ever for what cannot be sent: the peer is ended instead. */
static int out_failed(struct router *r, struct peer *to, enum out_kind kind, int error)
{
    if (error == -ENOMEM) {
        r->stats.out_of_memory++;
        if (kind != OUT_MESSAGE)
            out_end(r, to, PEER_END_MEMORY);
    }
    return error;
}

/* {"id": usually comes first: it is copied in one move, and the excess is overwritten. */
static inline void splice(char *p, struct ag_span text, size_t from, size_t upto, struct ag_span with)
{
    if (from <= 16 && text.len - (upto - from) >= 16)
        memcpy(p, text.p, 16);
    else
        memcpy(p, text.p, from);
    memcpy(p + from, with.p, with.len);
    memcpy(p + from + with.len, text.p + upto, text.len - upto);
}

/* When a text cannot be translated, its asker gets an error instead, which always can be. */
static int out_no_form(struct router *r, struct peer *to, struct ag_span text, const struct ag_json_view *v)
{
    uint64_t id;

    if (ag_view_uint(v, text.p, AG_M_ID, UINT32_MAX, &id))
        out_error_id(r, to, (uint32_t) id, AG_CODE_BUSY, "the answer does not fit this connection", NULL);
    return OUT_E_NO_FORM;
}

/* A text in r->scratch to a peer that speaks MessagePack-RPC; or to one that turns out to be unable to take it.
 */
static int out_packed(struct router *r, struct peer *to, enum out_kind kind)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf pack = AG_BUF_INIT;
    struct ag_span text = ag_buf_span(&r->scratch);
    struct ag_json_view v;
    char *p;
    int e = ag_json_parse(&text, AG_JSON_DEPTH_MAX, &v);

    if (e == 0 && to->pack)
        e = kind == OUT_ANSWER ? ag_pack_answer_from_json(text, &v, &pack) : ag_pack_from_json(text, &v, &pack);
    if (e == 0 && to->packets && (to->pack ? ag_buf_size(&pack) : text.len) > r->limits.packet_text)
        e = OUT_E_NO_FORM;
    if (e < 0)
        return out_failed(r, to, kind, e);
    if (e > 0) {
        r->stats.transcode_failures++;
        return kind == OUT_ANSWER ? out_no_form(r, to, text, &v) : OUT_E_NO_FORM;
    }
    e = quota_check(r, to, kind, ag_buf_size(&pack));
    if (e != 0)
        return e;
    p = out_room(r, to, ag_buf_size(&pack));
    if (!p)
        return out_failed(r, to, kind, -ENOMEM);
    memcpy(p, ag_buf_head(&pack), ag_buf_size(&pack));
    out_commit(r, to, ag_buf_size(&pack));
    return 0;
}

/* An error text is at most this long: the raw id is bounded by its user, message and data are ours. */
enum { ERROR_ID_MAX = 64, ERROR_TEXT_MAX = 512 };

/* A MessagePack peer, or a text larger than the packets of this one may be; errors of our own always fit. */
static inline bool needs_care(const struct router *r, const struct peer *to, size_t n)
{
    return to->pack || (to->packets && n > r->limits.packet_text && n > ERROR_TEXT_MAX);
}

static int out_translated(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text, size_t from, size_t upto,
                          struct ag_span with)
{
    size_t n = text.len - (upto - from) + with.len;
    int e;

    ag_buf_clear(&r->scratch);
    if (ag_buf_reserve(&r->scratch, n) < 0)
        return out_failed(r, to, kind, -ENOMEM);
    splice(r->scratch.data, text, from, upto, with);
    r->scratch.len = n;
    e = out_packed(r, to, kind);
    if (r->scratch.cap > SPARE_MAX)
        ag_buf_deinit(&r->scratch);
    return e;
}

int out_spliced(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text, size_t from, size_t upto,
                struct ag_span with)
{
    size_t n = text.len - (upto - from) + with.len;
    int e;
    char *p;

    if (needs_care(r, to, n))
        return out_translated(r, to, kind, text, from, upto, with);
    e = quota_check(r, to, kind, n);
    if (e != 0)
        return e;
    p = out_room(r, to, n);
    if (!p)
        return out_failed(r, to, kind, -ENOMEM);
    splice(p, text, from, upto, with);
    out_commit(r, to, n);
    return 0;
}

int out_text(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text)
{
    char *p;
    int e;

    if (needs_care(r, to, text.len))
        return out_translated(r, to, kind, text, text.len, text.len, AG_SPAN(""));
    e = quota_check(r, to, kind, text.len);
    if (e != 0)
        return e;
    p = out_room(r, to, text.len);
    if (!p)
        return out_failed(r, to, kind, -ENOMEM);
    memcpy(p, text.p, text.len);
    out_commit(r, to, text.len);
    return 0;
}

/* The eight digits of v < 10^8, leading zeros included: halves, then pairs, then all eight are split at once. */
static inline void digits8_print(char out[8], uint32_t v)
{
    uint64_t fours = v / 10000 | (uint64_t) (v % 10000) << 32;
    uint64_t twos = (fours * 10486 >> 20) & 0x0000007f0000007full; /* by 100 */
    uint64_t ones;

    twos |= (fours - twos * 100) << 16;
    ones = (twos * 103 >> 10) & 0x000f000f000f000full; /* by 10 */
    ones |= (twos - ones * 10) << 8;
    for (int i = 0; i < 8; i++)
        out[i] = (char) ('0' + (ones >> 8 * i & 15));
}

/* Each routed request has its id printed twice. */
static struct ag_span id_print(char digits[16], uint32_t id)
{
    uint32_t high = id / 100000000;
    size_t at = 8;

    digits8_print(digits + 8, id % 100000000);
    if (high > 0) {
        digits[6] = (char) ('0' + high / 10);
        digits[7] = (char) ('0' + high % 10);
        at = high >= 10 ? 6 : 7;
    } else {
        while (at < 15 && digits[at] == '0')
            at++;
    }
    return (struct ag_span){digits + at, 16 - at};
}

int out_with_id(struct router *r, struct peer *to, enum out_kind kind, struct ag_span text, const struct ag_json_view *v,
                uint32_t id)
{
    const struct ag_member_at *at = &v->at[AG_M_ID];
    char digits[16];

    return out_spliced(r, to, kind, text, at->value, at->end, id_print(digits, id));
}

int out_error(struct router *r, struct peer *to, struct ag_span id, int code, const char *message, const char *data)
{
    char text[ERROR_TEXT_MAX];
    int n;

    if (id.len == 0 || id.len > ERROR_ID_MAX)
        id = AG_SPAN("null");
    n = snprintf(text, sizeof text, "{\"id\":%.*s,\"error\":{\"code\":%d,\"message\":\"%s\"%s%s%s}}", (int) id.len, id.p, code,
                 message, data ? ",\"data\":\"" : "", data ? data : "", data ? "\"" : "");
    return out_text(r, to, OUT_ANSWER, (struct ag_span){text, (size_t) n});
}

void out_error_id(struct router *r, struct peer *to, uint32_t id, int code, const char *message, const char *data)
{
    char digits[16];

    out_error(r, to, id_print(digits, id), code, message, data);
}

void out_ok(struct router *r, struct peer *to, uint32_t id)
{
    char text[64];
    int n = snprintf(text, sizeof text, "{\"id\":%u,\"result\":[\"ok\"]}", (unsigned) id);

    out_text(r, to, OUT_ANSWER, (struct ag_span){text, (size_t) n});
}

void out_sent(struct router *r, struct peer *p, size_t n)
{
    ag_buf_consume(&p->out, n);
    r->queued -= n;
    if (ag_buf_size(&p->out) == 0)
        out_release(r, p);
}

struct ag_buf out_take(struct router *r, struct peer *p)
{
    struct ag_buf b = p->out;

    r->queued -= ag_buf_size(&b);
    ag_buf_init(&p->out);
    return b;
}

void out_held(struct router *r, struct peer *p, size_t n)
{
    r->held += n - p->held;
    p->held = (uint32_t) n;
    if (n > 0 && r->queued + r->held > r->limits.total)
        out_end_greediest(r);
}
