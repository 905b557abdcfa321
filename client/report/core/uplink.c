/* SPDX-License-Identifier: MIT */
#include "client/report/core/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"
#include "libagent/core/ids.h"
#include "libagent/core/text/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { SHORT_ID = 24, MAX_SPARE = 64, SCRATCH_MAX = 8192, DEPTH_MAX = 128 };

struct uplink_entry {
    uint32_t id;
    unsigned peer;         /* UPLINK_NO_PEER: nobody waits, or it has gone */
    unsigned lane;         /* of the cloud whose word is its answer */
    size_t charge;         /* in bytes and in the share of the peer */
    struct ag_span raw_id; /* the application's, as it wrote it; in short_id, or owned; p NULL: none */
    char short_id[SHORT_ID];
    struct ag_deadline deadline;
    struct ag_buf text; /* only while queued */
    struct ag_list queued;
    UT_hash_handle hh;
};

void uplink_init(struct uplink *u, const struct uplink_sink *sink, void *user, uint32_t random)
{
    *u = (struct uplink){
        .sink = sink, .user = user, .max_open = 8192, .max_bytes = 4 << 20, .timeout_ms = 30000, .last_id = random % AG_ID_MAX};
    ag_list_init(&u->by_deadline);
    for (int i = 0; i < UPLINK_LANES; i++)
        ag_list_init(&u->queues[i]);
}

static void entry_unqueue(struct uplink_entry *e)
{
    if (ag_list_empty(&e->queued))
        return;
    ag_list_del(&e->queued);
    ag_buf_deinit(&e->text);
}

static void share_take(struct uplink *u, struct uplink_entry *e)
{
    u->bytes += e->charge;
    u->shares[e->peer].n++;
    u->shares[e->peer].bytes += e->charge;
}

static void share_give(struct uplink *u, struct uplink_entry *e)
{
    u->bytes -= e->charge;
    u->shares[e->peer].n--;
    u->shares[e->peer].bytes -= e->charge;
}

static bool share_allows(const struct uplink *u, unsigned peer, size_t charge)
{
    const struct uplink_share *s = &u->shares[peer];

    return u->n_open < u->max_open && s->n < u->max_open - u->n_open && u->bytes + charge <= u->max_bytes &&
           s->bytes + charge <= u->max_bytes - u->bytes;
}

static void spare(struct uplink *u, struct uplink_entry *e)
{
    if (e->raw_id.p != e->short_id)
        free((char *) e->raw_id.p);
    ag_spares_give(&u->spares, e, MAX_SPARE);
}

static void entry_free(struct uplink *u, struct uplink_entry *e)
{
    share_give(u, e);
    entry_unqueue(e);
    HASH_DEL(u->by_id, e);
    ag_deadline_del(&e->deadline);
    ag_buf_deinit(&e->text);
    u->n_open--;
    spare(u, e);
}

void uplink_deinit(struct uplink *u)
{
    ag_list_for_each_safe (it, &u->by_deadline)
        entry_free(u, ag_list_entry(it, struct uplink_entry, deadline.link));
    ag_spares_deinit(&u->spares);
    ag_buf_deinit(&u->scratch);
}

uint32_t uplink_draw_id(struct uplink *u)
{
    struct uplink_entry *mine;

    do {
        u->last_id = ag_id_next(u->last_id);
        HASH_FIND(hh, u->by_id, &u->last_id, sizeof u->last_id, mine);
    } while (mine || (u->sink->taken && u->sink->taken(u->user, u->last_id)));
    return u->last_id;
}

static size_t charge_of(struct ag_span text, struct ag_span raw_id)
{
    return sizeof(struct uplink_entry) + raw_id.len + text.len;
}

static int keep_id(struct uplink_entry *e, struct ag_span raw_id)
{
    char *copy = raw_id.len <= SHORT_ID ? e->short_id : malloc(raw_id.len);

    if (!copy)
        return -ENOMEM;
    memcpy(copy, raw_id.p, raw_id.len);
    e->raw_id = (struct ag_span){copy, raw_id.len};
    return 0;
}

static int entry_new(struct uplink *u, struct uplink_entry **out, unsigned peer, struct ag_span raw_id, size_t charge,
                     uint64_t now_ms)
{
    struct uplink_entry *e = ag_spares_take(&u->spares, sizeof *e);

    if (!e)
        return -ENOMEM;
    ag_list_init(&e->queued);
    e->peer = peer;
    e->charge = charge;
    if (raw_id.p && keep_id(e, raw_id) < 0) {
        spare(u, e);
        return -ENOMEM;
    }
    e->id = uplink_draw_id(u);
    HASH_ADD(hh, u->by_id, id, sizeof e->id, e);
    if (!e->hh.tbl) {
        spare(u, e);
        return -ENOMEM;
    }
    ag_deadline_add(&u->by_deadline, &e->deadline, now_ms + u->timeout_ms);
    share_take(u, e);
    u->n_open++;
    *out = e;
    return 0;
}

static void reply_error(struct uplink *u, unsigned peer, struct ag_span raw_id, int code, const char *message)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (peer == UPLINK_NO_PEER || !raw_id.p) {
        u->stats.dropped++;
        return;
    }
    if (ag_msg_error(&out, raw_id, code, message, NULL) == 0)
        u->sink->reply(u->user, peer, ag_buf_span(&out));
}

static void end_with_error(struct uplink *u, struct uplink_entry *e, int code, const char *message)
{
    unsigned peer = e->peer;
    struct ag_span raw_id = e->raw_id;
    char short_id[SHORT_ID];

    memcpy(short_id, e->short_id, sizeof short_id);
    if (raw_id.p == e->short_id)
        raw_id.p = short_id;
    e->raw_id.p = NULL;
    entry_free(u, e);
    reply_error(u, peer, raw_id, code, message);
    if (raw_id.p != short_id)
        free((char *) raw_id.p);
}

/* What the cloud said to a report that it was offered. true: it is settled, one way or the other. */
static bool settle_offer(struct uplink *u, struct uplink_entry *e, uint32_t id, int r)
{
    if (r == -ENOBUFS)
        return false;
    if (r == 0)
        return true; /* the entry may be gone already: acked within the call */
    HASH_FIND(hh, u->by_id, &id, sizeof id, e);
    if (!e)
        return true;
    u->stats.failed++;
    if (r == -ENOTCONN)
        end_with_error(u, e, AG_CODE_NOT_CONNECTED, "not connected");
    else
        end_with_error(u, e, AG_CODE_BUSY, r == -EMSGSIZE ? "too large for the cloud" : "the cloud cannot carry it");
    return true;
}

/* A copy, as small as it may be; short of memory the storage itself. */
static void enqueue(struct ag_list *queue, struct uplink_entry *e, struct ag_buf *text)
{
    if (ag_buf_append_span(&e->text, ag_buf_span(text)) < 0) {
        e->text = *text;
        ag_buf_init(text);
    }
    ag_list_append(queue, &e->queued);
}

static void refuse(struct uplink *u, unsigned peer, struct ag_span raw_id, const char *message)
{
    u->stats.refused++;
    reply_error(u, peer, raw_id, AG_CODE_BUSY, message);
}

int uplink_submit(struct uplink *u, unsigned peer, struct ag_span text, const struct ag_json_view *view, uint64_t now_ms)
{
    struct ag_buf out;
    struct ag_span raw_id = ag_view_raw(view, text.p, AG_M_ID);
    size_t charge = charge_of(text, raw_id);
    unsigned lane = u->sink->lane ? u->sink->lane(u->user, text, view) : 0;
    struct ag_json_view seen;
    struct uplink_entry *e;
    uint32_t id;
    int r;

    u->stats.submitted++;
    if (!share_allows(u, peer, charge)) {
        u->stats.greedy++;
        refuse(u, peer, raw_id, "too many requests open");
        return 0;
    }
    r = entry_new(u, &e, peer, raw_id, charge, now_ms);
    if (r < 0) {
        u->stats.no_memory++;
        return r;
    }
    e->lane = lane;
    id = e->id;
    out = ag_scratch_take(&u->scratch);
    r = ag_msg_put_id_seen(&out, text, view, id, &seen);
    if (r < 0) {
        u->stats.no_memory++;
        entry_free(u, e);
    } else if (!ag_list_empty(&u->queues[lane]) ||
               !settle_offer(u, e, id, u->sink->report(u->user, id, ag_buf_span(&out), &seen, false))) {
        enqueue(&u->queues[lane], e, &out);
    }
    ag_scratch_give(&u->scratch, &out, SCRATCH_MAX);
    return r;
}

static void pump(struct uplink *u, struct ag_list *queue)
{
    while (!ag_list_empty(queue)) {
        struct uplink_entry *e = ag_list_first(queue, struct uplink_entry, queued);
        ag_cleanup(ag_buf_deinit) struct ag_buf text = e->text;
        uint32_t id = e->id;

        /* taken out first: the cloud may acknowledge it within the call */
        ag_list_del(&e->queued);
        ag_buf_init(&e->text);
        if (settle_offer(u, e, id, u->sink->report(u->user, id, ag_buf_span(&text), NULL, false)))
            continue;
        e->text = text;
        ag_buf_init(&text);
        ag_list_prepend(queue, &e->queued);
        return;
    }
}

/* If the first cloud acknowledges within the call, the text still has other clouds to go to: the next text must not overtake it.
 */
void uplink_pump(struct uplink *u, unsigned lane)
{
    if (u->pumping & 1u << lane)
        return;
    u->pumping |= 1u << lane;
    pump(u, &u->queues[lane]);
    u->pumping &= ~(1u << lane);
}

void uplink_lost(struct uplink *u, unsigned lane)
{
    while (!ag_list_empty(&u->queues[lane]) && !(u->pumping & 1u << lane)) {
        u->stats.failed++;
        end_with_error(u, ag_list_first(&u->queues[lane], struct uplink_entry, queued), AG_CODE_NOT_CONNECTED, "not connected");
    }
}

void uplink_reroute(struct uplink *u)
{
    struct ag_list waiting;

    ag_list_init(&waiting);
    for (int i = 0; i < UPLINK_LANES; i++)
        ag_list_splice(&waiting, &u->queues[i]); /* the order within each stays */
    while (!ag_list_empty(&waiting)) {
        struct uplink_entry *e = ag_list_first(&waiting, struct uplink_entry, queued);
        struct ag_span text = ag_buf_span(&e->text);
        struct ag_json_view view;

        if (u->sink->lane && ag_json_parse(&text, DEPTH_MAX, &view) == 0)
            e->lane = u->sink->lane(u->user, text, &view);
        ag_list_del(&e->queued);
        ag_list_append(&u->queues[e->lane], &e->queued);
    }
}

/* The entry that a word of this lane is about. NULL: it is about none, and counted. */
static struct uplink_entry *spoken_of(struct uplink *u, unsigned lane, uint32_t id)
{
    struct uplink_entry *e;

    HASH_FIND(hh, u->by_id, &id, sizeof id, e);
    if (e && (lane == UPLINK_NO_LANE || lane == e->lane))
        return e;
    u->stats.stray++;
    return NULL;
}

/* Answers without an id that need no parsing: most reports get one of them. */
static bool is_our_own(struct ag_span answer)
{
    return ag_span_eq(answer, "{\"result\":[\"ok\"]}") || ag_span_eq(answer, "{\"result\":[\"queued\"]}");
}

void uplink_acked(struct uplink *u, unsigned lane, uint32_t id, struct ag_span answer)
{
    struct ag_buf out;
    struct ag_json_view view = {0};
    struct uplink_entry *e = spoken_of(u, lane, id);

    if (!e)
        return;
    u->stats.acked++;
    if (e->peer == UPLINK_NO_PEER || !e->raw_id.p || (!is_our_own(answer) && ag_json_parse(&answer, DEPTH_MAX, &view) != 0)) {
        entry_free(u, e);
        return;
    }
    /* the application's id is put in as it was written, whatever its form */
    out = ag_scratch_take(&u->scratch);
    if (ag_msg_put_raw_id(&out, answer, &view, e->raw_id) == 0)
        u->sink->reply(u->user, e->peer, ag_buf_span(&out));
    ag_scratch_give(&u->scratch, &out, SCRATCH_MAX);
    entry_free(u, e);
}

bool uplink_is_awaited(const struct uplink *u, uint32_t id)
{
    struct uplink_entry *e;

    HASH_FIND(hh, u->by_id, &id, sizeof id, e);
    return e && e->raw_id.p && e->peer != UPLINK_NO_PEER;
}

void uplink_failed(struct uplink *u, unsigned lane, uint32_t id, int code, const char *message)
{
    struct uplink_entry *e = spoken_of(u, lane, id);

    if (!e)
        return;
    u->stats.failed++;
    end_with_error(u, e, code, message);
}

void uplink_peer_removed(struct uplink *u, unsigned peer)
{
    ag_list_for_each (it, &u->by_deadline) {
        struct uplink_entry *e = ag_list_entry(it, struct uplink_entry, deadline.link);

        if (e->peer != peer)
            continue;
        share_give(u, e);
        e->peer = UPLINK_NO_PEER;
        share_take(u, e);
    }
}

void uplink_expire(struct uplink *u, uint64_t now_ms)
{
    for (;;) {
        struct uplink_entry *e = ag_deadline_first(&u->by_deadline, struct uplink_entry, deadline);

        if (!e || e->deadline.at_ms > now_ms)
            return;
        u->stats.timed_out++;
        end_with_error(u, e, AG_CODE_NO_ACK, "OT server noack");
    }
}

uint64_t uplink_next_deadline(const struct uplink *u)
{
    return ag_deadline_next_ms(&u->by_deadline);
}

void uplink_refuse_all(struct uplink *u, int code, const char *message)
{
    while (!ag_list_empty(&u->by_deadline)) {
        u->stats.refused++;
        end_with_error(u, ag_deadline_first(&u->by_deadline, struct uplink_entry, deadline), code, message);
    }
}
