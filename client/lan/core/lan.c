#include "client/lan/core/lan.h"

#include <errno.h>
#include <stdlib.h>
#include "client/device/core/wire.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include "libagent/core/message.h"

enum { MAX_DEPTH = 128, ERROR_TOO_LARGE = -32000, REPEAT_STAMP_S = 10, HELLO_AHEAD_S = 10 };

/* Hashed as bytes: zeroed before it is filled. */
struct lan_request_key {
    struct lan_addr from;
    uint32_t id;
};

struct lan_request {
    struct lan_request_key key;
    struct lan_addr asker; /* as it was last heard */
    uint64_t handle;
    uint64_t text_hash;    /* a peer that uses its id for another text asks something else */
    uint32_t stamp;        /* likewise, when it uses it much later */
    uint64_t forget_at_ms;
    bool answered;
    struct ag_buf answer;  /* the plain text, to be encrypted anew with a fresh stamp */
    struct ag_list age;
    UT_hash_handle hh_peer, hh_handle;
};

void lan_init(struct lan *l, const struct lan_sink *sink, void *user, uint64_t did)
{
    *l = (struct lan){.sink = sink, .user = user, .did = did, .stamp_window_s = 24 * 3600, .keep_ms = 30000,
                      .max_requests = 1024, .max_kept_bytes = 1 << 20};
    replay_init(&l->taken, REPLAY_MAX);
    ag_list_init(&l->by_age);
}

static void request_free(struct lan *l, struct lan_request *q)
{
    HASH_DELETE(hh_peer, l->by_peer, q);
    HASH_DELETE(hh_handle, l->by_handle, q);
    ag_list_del(&q->age);
    l->kept_bytes -= ag_buf_size(&q->answer);
    ag_buf_deinit(&q->answer);
    free(q);
    l->n_requests--;
}

void lan_deinit(struct lan *l)
{
    ag_list_for_each_safe(it, &l->by_age)
        request_free(l, ag_list_entry(it, struct lan_request, age));
    replay_deinit(&l->taken);
    packet_key_deinit(&l->key);
    ag_buf_deinit(&l->plain);
    ag_buf_deinit(&l->packet);
    explicit_bzero(l->token, sizeof l->token);
}

int lan_set_token(struct lan *l, const char token[17])
{
    struct packet_key key;
    int r = packet_key_init(&key, token);

    if (r < 0)
        return r;
    packet_key_deinit(&l->key);
    l->key = key;
    memcpy(l->token, token, sizeof l->token);
    l->has_token = true;
    return 0;
}

static void send_hello(struct lan *l, const struct lan_addr *to, uint32_t stamp)
{
    uint8_t reply[PACKET_HEADER];

    packet_hello_reply(reply, l->did, stamp, l->reveal_token ? l->token : NULL);
    l->sink->send(l->user, to, (struct ag_span){(const char *) reply, sizeof reply});
}

/*
 * No two hellos of about the same time tell the same stamp. Programs that begin with hello, stamp and the id 1, two of them
 * in one second, would else send the same packet for the same command, and the second one would be taken for a replay.
 */
static uint32_t next_hello_stamp(struct lan *l, uint64_t now_ms, uint32_t now_s)
{
    uint32_t stamp = stamp_clock_stamp(now_ms, now_s), ahead = HELLO_AHEAD_S;

    if (l->stamp_window_s > 0 && l->stamp_window_s / 2 < ahead)
        ahead = l->stamp_window_s / 2;
    if (l->told_stamp >= stamp && l->told_stamp - stamp < ahead)
        stamp = l->told_stamp + 1;
    return l->told_stamp = stamp;
}

static int send_text(struct lan *l, const struct lan_addr *to, struct ag_span text, uint32_t stamp)
{
    int r;

    ag_buf_clear(&l->packet);
    r = packet_encode(&l->packet, &l->key, l->did, stamp, text);
    if (r < 0)
        return r;
    l->stats.answers++;
    l->sink->send(l->user, to, ag_buf_span(&l->packet));
    return 0;
}

static uint64_t hash_of(struct ag_span text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < text.len; i++)
        h = (h ^ (unsigned char) text.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static int request_new(struct lan *l, const struct lan_request_key *key, struct lan_request **out)
{
    struct lan_request *q = calloc(1, sizeof *q);

    if (!q)
        return -ENOMEM;
    memcpy(&q->key, key, sizeof *key);
    q->handle = ++l->next_handle;
    HASH_ADD(hh_peer, l->by_peer, key, sizeof q->key, q);
    if (!q->hh_peer.tbl) {
        free(q);
        return -ENOMEM;
    }
    HASH_ADD(hh_handle, l->by_handle, handle, sizeof q->handle, q);
    if (!q->hh_handle.tbl) {
        HASH_DELETE(hh_peer, l->by_peer, q);
        free(q);
        return -ENOMEM;
    }
    ag_list_append(&l->by_age, &q->age);
    l->n_requests++;
    *out = q;
    return 0;
}

/* Makes room by forgetting the oldest request that has its answer. */
static bool make_room(struct lan *l)
{
    ag_list_for_each(it, &l->by_age) {
        struct lan_request *q = ag_list_entry(it, struct lan_request, age);

        if (q->answered) {
            request_free(l, q);
            return true;
        }
    }
    return false;
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
    if (q->answered && ag_buf_size(&q->answer) > 0)
        send_text(l, &q->asker, ag_buf_span(&q->answer), stamp_clock_stamp(a->now_ms, a->now_s));
}

static struct lan_request *find_request(const struct lan *l, const struct lan_addr *from, uint32_t id,
                                        struct lan_request_key *key)
{
    struct lan_request *q;

    memset(key, 0, sizeof *key);
    memcpy(key->from.ip, from->ip, sizeof key->from.ip);
    key->from.port = from->port;
    key->from.scope = from->scope;
    key->id = id;
    HASH_FIND(hh_peer, l->by_peer, key, sizeof *key, q);
    return q;
}

static bool is_repeat_of(const struct lan_request *q, uint64_t text_hash, uint32_t stamp)
{
    uint32_t apart = stamp > q->stamp ? stamp - q->stamp : q->stamp - stamp;

    return q->text_hash == text_hash && apart < REPEAT_STAMP_S;
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

static int start_request(struct lan *l, const struct lan_request_key *key, uint64_t text_hash, const struct arrival *a,
                         struct lan_request **out)
{
    int r = request_new(l, key, out);

    if (r < 0)
        return r;
    r = replay_add(&l->taken, a->sum, a->stamp);
    if (r < 0) {
        request_free(l, *out);
        return r;
    }
    (*out)->asker = *a->from;
    (*out)->text_hash = text_hash;
    (*out)->stamp = a->stamp;
    (*out)->forget_at_ms = a->now_ms + l->keep_ms;
    return 0;
}

static int take_request(struct lan *l, const struct arrival *a, uint32_t id, struct ag_span text,
                        const struct ag_json_view *view)
{
    bool fresh = replay_look(&l->taken, a->sum, a->stamp) == REPLAY_NEW;
    struct lan_request_key key;
    struct lan_request *q = find_request(l, a->from, id, &key);
    uint64_t hash = hash_of(text);
    int r;

    if (q && is_repeat_of(q, hash, a->stamp)) {
        if (fresh && replay_add(&l->taken, a->sum, a->stamp) < 0)
            return -ENOMEM;
        repeat_request(l, q, a);
        return 0;
    }
    if (!is_fresh(l, a))
        return 0;
    if (q)
        request_free(l, q); /* its answer, when it comes, is late */
    if (l->n_requests >= l->max_requests && !make_room(l)) {
        l->stats.full++;
        return 0;
    }
    r = start_request(l, &key, hash, a, &q);
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

/* Whoever begins anew may begin with the same ids. What is still to be answered is answered. */
static void forget_answers(struct lan *l, const struct lan_addr *from)
{
    ag_list_for_each_safe(it, &l->by_age) {
        struct lan_request *q = ag_list_entry(it, struct lan_request, age);

        if (q->answered && q->key.from.scope == from->scope &&
            memcmp(q->key.from.ip, from->ip, sizeof from->ip) == 0)
            request_free(l, q);
    }
}

static void look_at_clock(struct lan *l, uint64_t now_ms, uint32_t now_s)
{
    uint64_t highest = (uint64_t) stamp_clock_stamp(now_ms, now_s) + l->stamp_window_s;

    if (stamp_clock_look(&l->clock, now_ms, now_s))
        l->purge_at_ms = now_ms + STAMP_CLOCK_GRACE_MS;
    if (l->purge_at_ms == 0 || now_ms < l->purge_at_ms || l->stamp_window_s == 0)
        return;
    if (!l->taken.narrowed && l->taken.n < l->taken.max)
        return; /* all is remembered yet: nothing need be forgotten */
    l->purge_at_ms = 0;
    if (highest < UINT32_MAX)
        replay_forget_above(&l->taken, (uint32_t) highest);
}

int lan_receive(struct lan *l, const struct lan_addr *from, struct ag_span datagram, uint64_t now_ms, uint32_t now_s)
{
    struct packet p;
    int r;

    l->stats.datagrams++;
    look_at_clock(l, now_ms, now_s);
    if (!l->has_token) {
        l->stats.no_token++;
        return 0;
    }
    if (packet_is_hello(datagram)) {
        l->stats.hellos++;
        forget_answers(l, from);
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
    return take_text(l, &(struct arrival){from, packet_checksum(datagram), p.stamp, now_ms, now_s},
                     ag_buf_span(&l->plain));
}

static void remember(struct lan *l, struct lan_request *q, struct ag_buf *answer)
{
    bool fits = true;

    while (fits && l->kept_bytes + ag_buf_size(answer) > l->max_kept_bytes)
        fits = make_room(l);
    q->answered = true; /* only now: make_room() takes answered ones */
    if (!fits)
        return; /* a repeat is then left without an answer, but is still not executed */
    q->answer = *answer;
    ag_buf_init(answer);
    l->kept_bytes += ag_buf_size(&q->answer);
}

/* With the zero byte that real devices put behind the text: some programs cut off the last byte whatever it is. */
static int finish_answer(struct ag_buf *out, uint32_t id)
{
    if (ag_buf_size(out) >= PACKET_UDP_TEXT_MAX) {
        ag_buf_clear(out);
        if (ag_buf_printf(out, "{\"id\":%lu,\"error\":{\"code\":%d,\"message\":\"answer too large\"}}",
                          (unsigned long) id, ERROR_TOO_LARGE) < 0)
            return -ENOMEM;
    }
    return ag_buf_append_char(out, '\0');
}

void lan_answer(struct lan *l, uint64_t handle, struct ag_span text, uint64_t now_ms, uint32_t now_s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_SECRET_INIT; /* miIO.info tells the token */
    struct lan_request *q;
    struct ag_json_view view;

    HASH_FIND(hh_handle, l->by_handle, &handle, sizeof handle, q);
    if (!q || q->answered || ag_json_parse(&text, MAX_DEPTH, &view) != 0) {
        l->stats.late++;
        return;
    }
    if (ag_msg_put_id(&out, text, &view, q->key.id) < 0 || finish_answer(&out, q->key.id) < 0)
        return;
    send_text(l, &q->asker, ag_buf_span(&out), stamp_clock_stamp(now_ms, now_s));
    remember(l, q, &out);
}

void lan_expire(struct lan *l, uint64_t now_ms)
{
    for (;;) {
        struct lan_request *q = ag_list_first(&l->by_age, struct lan_request, age);

        if (!q || q->forget_at_ms > now_ms)
            return;
        request_free(l, q);
    }
}

uint64_t lan_next_deadline(const struct lan *l)
{
    const struct lan_request *q = ag_list_first(&l->by_age, struct lan_request, age);

    return q ? q->forget_at_ms : UINT64_MAX;
}

static bool is_first_of_peer(const struct lan *l, const struct lan_request *q)
{
    ag_list_for_each (it, &l->by_age) {
        const struct lan_request *other = ag_list_entry(it, struct lan_request, age);

        if (other == q)
            return true;
        if (memcmp(other->key.from.ip, q->key.from.ip, sizeof q->key.from.ip) == 0)
            return false;
    }
    return true;
}

unsigned lan_count_peers(const struct lan *l)
{
    unsigned n = 0;

    ag_list_for_each (it, &l->by_age)
        n += is_first_of_peer(l, ag_list_entry(it, struct lan_request, age));
    return n;
}
