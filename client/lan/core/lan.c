/* SPDX-License-Identifier: MIT */
#include "client/lan/core/lan.h"

#include <errno.h>
#include "libagent/core/codes.h"
#include "libagent/core/hash.h"
#include "libagent/core/text/message.h"
#include "libagent/core/deadline.h"

/* A repeat comes within ten seconds, and may count on from another hello than the first one did. */
enum { MAX_DEPTH = 128, HELLO_AHEAD_S = 10, REPEAT_S = 10, REPEAT_STAMP_S = REPEAT_S + HELLO_AHEAD_S, SCRATCH_MAX = 8192 };
enum { MAX_REQUESTS = 1024, MAX_KEPT_BYTES = 1 << 20 };

void lan_init(struct lan *l, const struct lan_sink *sink, void *user, uint64_t did)
{
    *l = (struct lan){.sink = sink,
                      .user = user,
                      .did = did,
                      .stamp_window_s = 24 * 3600,
                      .keep_ms = 30000,
                      .purge_at_ms = AG_NEVER,
                      .answer = AG_BUF_SECRET_INIT}; /* miIO.info tells the token */
    replay_init(&l->taken, REPLAY_MAX);
    lan_requests_init(&l->requests, MAX_REQUESTS, MAX_KEPT_BYTES);
}

void lan_start(struct lan *l, uint64_t now_ms)
{
    stamp_clock_start(&l->clock, now_ms);
}

void lan_deinit(struct lan *l)
{
    lan_requests_deinit(&l->requests);
    replay_deinit(&l->taken);
    packet_key_deinit(&l->key);
    ag_buf_deinit(&l->plain);
    ag_buf_deinit(&l->answer);
    ag_buf_deinit(&l->packet);
    explicit_bzero(l->token, sizeof l->token);
}

int lan_set_token(struct lan *l, const char token[17])
{
    int r = l->has_token ? packet_key_change(&l->key, token) : packet_key_init(&l->key, token);

    if (r < 0)
        return r;
    memcpy(l->token, token, sizeof l->token);
    l->has_token = true;
    return 0;
}

static uint32_t told(const struct lan *l, uint64_t now_ms, uint32_t now_s)
{
    return stamp_clock_told(&l->clock, l->stamp_window_s, now_ms, now_s);
}

static void send_hello(struct lan *l, const struct lan_addr *to, uint32_t stamp)
{
    uint8_t reply[PACKET_HEADER];

    packet_hello_reply(reply, l->did, stamp, l->reveal_token ? l->token : NULL);
    l->sink->send(l->user, to, (struct ag_span){(const char *) reply, sizeof reply});
}

/* No two hellos at about the same time get the same stamp. Otherwise two programs that start with hello, stamp and the id 1
   within a second would send the same packet for the same command, and the second would count as a replay. */
static uint32_t next_hello_stamp(struct lan *l, uint64_t now_ms, uint32_t now_s)
{
    uint32_t stamp = told(l, now_ms, now_s), ahead = HELLO_AHEAD_S;

    if (l->stamp_window_s > 0 && l->stamp_window_s / 2 < ahead)
        ahead = l->stamp_window_s / 2;
    if (l->told_stamp >= stamp && l->told_stamp - stamp < ahead)
        stamp = l->told_stamp + 1;
    return l->told_stamp = stamp;
}

static void send_text(struct lan *l, const struct lan_addr *to, struct ag_span text, uint32_t stamp)
{
    ag_buf_clear(&l->packet);
    if (packet_encode(&l->packet, &l->key, l->did, stamp, text) < 0)
        return;
    l->stats.answers++;
    l->sink->send(l->user, to, ag_buf_span(&l->packet));
}

/* A sealed datagram that has passed all checks of its own. */
struct arrival {
    const struct lan_addr *from;
    const uint8_t *sum;
    uint32_t stamp;
    uint64_t now_ms;
    uint32_t now_s;
};

static void repeat_request(struct lan *l, struct lan_request *q, const struct arrival *a)
{
    l->stats.repeats++;
    q->asker = *a->from;
    if (q->answer.p)
        send_text(l, &q->asker, q->answer, told(l, a->now_ms, a->now_s));
}

/* Whatever the stamp while it is being executed: the first one may have counted on from a hello before the last reboot. */
static bool is_repeat_of(const struct lan *l, const struct lan_request *q, uint64_t text_hash, const struct arrival *a)
{
    return q->text_hash == text_hash &&
           (!q->answered || stamp_clock_apart(&l->clock, a->stamp, q->stamp, a->now_ms) < REPEAT_STAMP_S);
}

/* false: the packet was taken before, or cannot be told from one that was. */
static bool is_fresh(struct lan *l, const struct arrival *a)
{
    switch (replay_look(&l->taken, a->sum, a->stamp)) {
    case REPLAY_SEEN:
        l->stats.replayed++;
        return false;
    case REPLAY_TOO_OLD:
        l->stats.narrowed++;
        return false;
    default:
        return true;
    }
}

static int start_request(struct lan *l, uint32_t id, uint64_t text_hash, const struct arrival *a, struct lan_request **out)
{
    int r = lan_requests_add(&l->requests, a->from, id, a->now_ms + l->keep_ms, out);

    if (r < 0)
        return r;
    r = replay_add(&l->taken, a->sum, a->stamp);
    if (r < 0) {
        lan_requests_remove(&l->requests, *out);
        return r;
    }
    (*out)->text_hash = text_hash;
    (*out)->stamp = a->stamp;
    (*out)->asked_ms = a->now_ms;
    return 0;
}

static int take_request(struct lan *l, const struct arrival *a, uint32_t id, struct ag_span text, const struct ag_json_view *view)
{
    bool fresh = replay_look(&l->taken, a->sum, a->stamp) == REPLAY_NEW;
    struct lan_request *q = lan_requests_find(&l->requests, a->from, id);
    uint64_t hash = ag_hash(AG_HASH_BEGIN, text.p, text.len);
    int r;

    if (q && is_repeat_of(l, q, hash, a)) {
        if (fresh && replay_add(&l->taken, a->sum, a->stamp) < 0)
            return -ENOMEM;
        repeat_request(l, q, a);
        return 0;
    }
    if (!is_fresh(l, a))
        return 0;
    if (q)
        lan_requests_remove(&l->requests, q); /* its answer, when it comes, is late */
    r = start_request(l, id, hash, a, &q);
    if (r == -ENOBUFS) {
        l->stats.full++;
        return 0;
    }
    if (r < 0)
        return r;
    l->stats.requests++;
    l->sink->command(l->user, q->handle, text, view, true);
    return 0;
}

static int take_notice(struct lan *l, const struct arrival *a, struct ag_span text, const struct ag_json_view *view)
{
    if (!is_fresh(l, a))
        return 0;
    if (replay_add(&l->taken, a->sum, a->stamp) < 0)
        return -ENOMEM;
    l->stats.requests++;
    l->sink->command(l->user, 0, text, view, false);
    return 0;
}

static int take_text(struct lan *l, const struct arrival *a, struct ag_span text)
{
    struct ag_json_view view;
    uint64_t id;

    if (ag_json_parse(&text, MAX_DEPTH, &view) != 0 || (view.twice & (1u << AG_M_ID)) ||
        view.at[AG_M_METHOD].type != AG_JSON_STRING) {
        l->stats.bad_text++;
        return 0;
    }
    if (!ag_view_has(&view, AG_M_ID))
        return take_notice(l, a, text, &view);
    if (!ag_view_uint(&view, text.p, AG_M_ID, UINT32_MAX, &id)) {
        l->stats.bad_text++;
        return 0;
    }
    return take_request(l, a, (uint32_t) id, text, &view);
}

static void look_at_clock(struct lan *l, uint64_t now_ms, uint32_t now_s)
{
    uint64_t highest = (uint64_t) stamp_clock_stamp(now_ms, now_s) + l->stamp_window_s;

    if (stamp_clock_look(&l->clock, now_ms, now_s))
        l->purge_at_ms = now_ms + STAMP_CLOCK_GRACE_MS;
    if (now_ms < l->purge_at_ms || l->stamp_window_s == 0)
        return;
    if (!l->taken.narrowed && l->taken.n < l->taken.max)
        return; /* everything is still remembered: nothing need be forgotten */
    l->purge_at_ms = AG_NEVER;
    if (highest < UINT32_MAX)
        replay_forget_above(&l->taken, (uint32_t) highest);
}

static int receive(struct lan *l, const struct lan_addr *from, struct ag_span datagram, uint64_t now_ms, uint32_t now_s)
{
    struct packet p;
    int r;

    look_at_clock(l, now_ms, now_s);
    if (!l->has_token) {
        l->stats.no_token++;
        return 0;
    }
    if (packet_is_hello(datagram)) {
        l->stats.hellos++;
        lan_requests_forget(&l->requests, from, now_ms, REPEAT_S * 1000); /* whoever starts over may begin with the same ids */
        send_hello(l, from, next_hello_stamp(l, now_ms, now_s));
        return 0;
    }
    r = packet_decode(&p, &l->key, datagram, &l->plain);
    if (r < 0)
        return r;
    if (r > 0) {
        l->stats.bad_packet[r]++;
        return 0;
    }
    if (p.did != l->did) {
        l->stats.bad_did++;
        return 0;
    }
    if (!stamp_clock_is_good(&l->clock, p.stamp, l->stamp_window_s, now_ms)) {
        l->stats.bad_stamp++;
        return 0;
    }
    if (p.header_only) {
        l->stats.bad_text++;
        return 0;
    }
    return take_text(l, &(struct arrival){from, packet_checksum(datagram), p.stamp, now_ms, now_s}, ag_buf_span(&l->plain));
}

int lan_receive(struct lan *l, const struct lan_addr *from, struct ag_span datagram, uint64_t now_ms, uint32_t now_s)
{
    int r;

    l->stats.datagrams++;
    r = receive(l, from, datagram, now_ms, now_s);
    l->stats.no_memory += r < 0;
    return r;
}

/* With the zero byte that real devices put after the text: some programs cut off the last byte, whatever it is. */
static int finish_answer(struct ag_buf *out, uint32_t id)
{
    if (ag_buf_size(out) >= PACKET_UDP_TEXT_MAX) {
        ag_buf_clear(out);
        if (ag_buf_printf(out, "{\"id\":%lu,\"error\":{\"code\":%d,\"message\":\"answer too large\"}}", (unsigned long) id,
                          AG_CODE_BUSY) < 0)
            return -ENOMEM;
    }
    return ag_buf_append_char(out, '\0');
}

/* What was written to it is a secret; its storage stays for the next one, unless that is large. */
static void drop_scratch(struct ag_buf *b)
{
    if (b->cap > SCRATCH_MAX)
        ag_buf_deinit(b);
    else if (b->len > 0)
        explicit_bzero(b->data, b->len);
    ag_buf_clear(b);
}

static struct lan_request *take_awaited(struct lan *l, uint64_t handle)
{
    struct lan_request *q = lan_requests_by_handle(&l->requests, handle);

    if (q && !q->answered)
        return q;
    l->stats.late++;
    return NULL;
}

static void finish(struct lan *l, struct lan_request *q, uint64_t now_ms, uint32_t now_s)
{
    if (finish_answer(&l->answer, q->key.id) == 0) {
        send_text(l, &q->asker, ag_buf_span(&l->answer), told(l, now_ms, now_s));
        lan_requests_answered(&l->requests, q, ag_buf_span(&l->answer), now_ms);
    }
    drop_scratch(&l->answer);
}

void lan_answer(struct lan *l, uint64_t handle, struct ag_span text, const struct ag_json_view *view, uint64_t now_ms,
                uint32_t now_s)
{
    struct lan_request *q = take_awaited(l, handle);
    struct ag_json_view own;

    if (!q)
        return;
    if (!view && ag_json_parse(&text, MAX_DEPTH, &own) != 0) {
        l->stats.late++;
        return;
    }
    if (ag_msg_put_id(&l->answer, text, view ? view : &own, q->key.id) == 0)
        finish(l, q, now_ms, now_s);
}

void lan_answer_as_it_is(struct lan *l, uint64_t handle, struct ag_span text, uint64_t now_ms, uint32_t now_s)
{
    struct lan_request *q = take_awaited(l, handle);

    if (q && ag_buf_append_span(&l->answer, text) == 0)
        finish(l, q, now_ms, now_s);
}

void lan_expire(struct lan *l, uint64_t now_ms)
{
    lan_requests_expire(&l->requests, now_ms);
}

uint64_t lan_next_deadline(const struct lan *l)
{
    return lan_requests_next_deadline(&l->requests);
}

unsigned lan_count_peers(const struct lan *l)
{
    return lan_requests_count_hosts(&l->requests);
}
