#include "client/core/lan.h"

#include <errno.h>
#include <stdlib.h>
#include "client/core/command.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { MAX_DEPTH = 128, ERROR_TOO_LARGE = -32000 };

/* Hashed as bytes: zeroed before it is filled. */
struct lan_request_key {
    struct lan_addr from;
    uint32_t id;
};

struct lan_request {
    struct lan_request_key key;
    uint64_t handle;
    uint64_t text_hash;    /* a peer that uses its id for another text asks something else */
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

static void send_hello(struct lan *l, const struct lan_addr *to, uint32_t now_s)
{
    uint8_t reply[PACKET_HEADER];

    packet_hello_reply(reply, l->did, now_s, l->reveal_token ? l->token : NULL);
    l->sink->send(l->user, to, (struct ag_span){(const char *) reply, sizeof reply});
}

static int send_text(struct lan *l, const struct lan_addr *to, struct ag_span text, uint32_t now_s)
{
    int r;

    ag_buf_clear(&l->packet);
    r = packet_encode(&l->packet, &l->key, l->did, now_s, text);
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

static bool stamp_is_near(const struct lan *l, uint32_t stamp, uint32_t now_s)
{
    uint32_t apart = stamp > now_s ? stamp - now_s : now_s - stamp;

    return l->stamp_window_s == 0 || apart <= l->stamp_window_s;
}

static void repeat_request(struct lan *l, struct lan_request *q, uint32_t now_s)
{
    l->stats.repeats++;
    if (q->answered && ag_buf_size(&q->answer) > 0)
        send_text(l, &q->key.from, ag_buf_span(&q->answer), now_s);
}

static int take_request(struct lan *l, const struct lan_addr *from, uint32_t id, struct ag_span text,
                        const struct ag_json_view *view, uint64_t now_ms, uint32_t now_s)
{
    struct lan_request_key key;
    struct lan_request *q;
    uint64_t hash = hash_of(text);
    int r;

    memset(&key, 0, sizeof key);
    memcpy(key.from.ip, from->ip, sizeof key.from.ip);
    key.from.port = from->port;
    key.from.scope = from->scope;
    key.id = id;
    HASH_FIND(hh_peer, l->by_peer, &key, sizeof key, q);
    if (q && q->text_hash == hash) {
        repeat_request(l, q, now_s);
        return 0;
    }
    if (q)
        request_free(l, q); /* its answer, when it comes, is late */
    if (l->n_requests >= l->max_requests && !make_room(l)) {
        l->stats.full++;
        return 0;
    }
    r = request_new(l, &key, &q);
    if (r < 0)
        return r;
    q->text_hash = hash;
    q->forget_at_ms = now_ms + l->keep_ms;
    l->stats.requests++;
    l->sink->command(l->user, q->handle, text, view, true);
    return 0;
}

/* Without an id nothing tells a repeat but the packet itself, which the network may double. */
static void take_notice(struct lan *l, const struct lan_addr *from, struct ag_span datagram,
                        struct ag_span text, const struct ag_json_view *view, uint64_t now_ms)
{
    uint64_t whose = hash_of((struct ag_span){(const char *) from->ip, sizeof from->ip}) ^ from->port;

    if (twin_filter_seen(&l->twins, packet_checksum(datagram), whose, now_ms)) {
        l->stats.repeats++;
        return;
    }
    l->stats.requests++;
    l->sink->command(l->user, 0, text, view, false);
}

static int take_text(struct lan *l, const struct lan_addr *from, struct ag_span datagram, struct ag_span text,
                     uint64_t now_ms, uint32_t now_s)
{
    struct ag_json_view view;
    uint64_t id;

    if (ag_json_parse(&text, MAX_DEPTH, &view) != 0 || (view.twice & (1u << AG_M_ID)) ||
        view.at[AG_M_METHOD].type != AG_JSON_STRING) {
        l->stats.bad_text++;
        return 0;
    }
    if (!ag_view_has(&view, AG_M_ID)) {
        take_notice(l, from, datagram, text, &view, now_ms);
        return 0;
    }
    if (!ag_view_uint(&view, text.p, AG_M_ID, UINT32_MAX, &id)) {
        l->stats.bad_text++;
        return 0;
    }
    return take_request(l, from, (uint32_t) id, text, &view, now_ms, now_s);
}

int lan_receive(struct lan *l, const struct lan_addr *from, struct ag_span datagram, uint64_t now_ms, uint32_t now_s)
{
    struct packet p;
    int r;

    l->stats.datagrams++;
    if (!l->has_token) {
        l->stats.no_token++;
        return 0;
    }
    if (packet_is_hello(datagram)) {
        l->stats.hellos++;
        send_hello(l, from, now_s);
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
    if (!stamp_is_near(l, p.stamp, now_s)) {
        l->stats.bad_stamp++;
        return 0;
    }
    if (p.header_only) {
        l->stats.bad_text++;
        return 0;
    }
    return take_text(l, from, datagram, ag_buf_span(&l->plain), now_ms, now_s);
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

void lan_answer(struct lan *l, uint64_t handle, struct ag_span text, uint32_t now_s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct lan_request *q;
    struct ag_json_view view;

    HASH_FIND(hh_handle, l->by_handle, &handle, sizeof handle, q);
    if (!q || q->answered || ag_json_parse(&text, MAX_DEPTH, &view) != 0) {
        l->stats.late++;
        return;
    }
    if (command_put_id(&out, text, &view, q->key.id) < 0)
        return;
    if (ag_buf_size(&out) > PACKET_UDP_TEXT_MAX) {
        ag_buf_clear(&out);
        if (ag_buf_printf(&out, "{\"id\":%lu,\"error\":{\"code\":%d,\"message\":\"answer too large\"}}",
                          (unsigned long) q->key.id, ERROR_TOO_LARGE) < 0)
            return;
    }
    send_text(l, &q->key.from, ag_buf_span(&out), now_s);
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
