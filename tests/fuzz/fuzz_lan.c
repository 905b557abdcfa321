/* SPDX-License-Identifier: MIT */
/*
 * A schedule of datagrams, answers and clock steps for one LAN session. Each step is one byte that says what, one that
 * says how many bytes follow, and those bytes. Plain texts are sealed here, so that what is behind the checksum is reached.
 * Invariants: no command without an id is owed an answer; no datagram is executed twice; what is kept stays within its limits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/lan/core/lan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { DID = 87654321, NOW = 1700000000, MAX_REQUESTS = 8, MAX_KEPT = 256, SEEN_MAX = 32 };

struct world {
    struct lan l;
    struct packet_key key;
    uint64_t last_handle;
    uint32_t now_s;
    unsigned commands;
    struct {
        struct ag_buf bytes;
        unsigned n_taken;
    } seen[SEEN_MAX]; /* datagrams sent so far */
    unsigned n_seen;
};

static void on_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    (void) user;
    (void) to;
    if (datagram.len < PACKET_HEADER)
        abort();
}

static void on_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    struct world *w = user;

    if (wants_answer != ag_view_has(view, AG_M_ID) || text.len == 0)
        abort();
    w->commands++;
    if (wants_answer)
        w->last_handle = handle;
}

static const struct lan_sink sink = {on_send, on_command};

static void send(struct world *w, unsigned which, const struct lan_addr *from, uint64_t now_ms)
{
    unsigned before = w->commands;

    lan_receive(&w->l, from, ag_buf_span(&w->seen[which].bytes), now_ms, w->now_s);
    w->seen[which].n_taken += w->commands - before;
    if (w->seen[which].n_taken > 1)
        abort();
}

/* The number of this datagram, which is kept. SEEN_MAX: no room. */
static unsigned keep(struct world *w, struct ag_buf *d)
{
    for (unsigned i = 0; i < w->n_seen; i++) {
        if (ag_span_is(ag_buf_span(&w->seen[i].bytes), ag_buf_head(d), ag_buf_size(d))) {
            ag_buf_deinit(d);
            return i;
        }
    }
    if (w->n_seen == SEEN_MAX) {
        ag_buf_deinit(d);
        return SEEN_MAX;
    }
    w->seen[w->n_seen].bytes = *d;
    return w->n_seen++;
}

/* The same datagram thrice, once from elsewhere. */
static void receive_text(struct world *w, const struct lan_addr *from, struct ag_span text, uint64_t now_ms)
{
    struct lan_addr elsewhere = {.ip = {[14] = 1}, .port = 4001};
    struct ag_buf d = AG_BUF_INIT;
    unsigned which;

    if (packet_encode(&d, &w->key, DID, stamp_clock_stamp(now_ms, w->now_s), text) != 0) {
        ag_buf_deinit(&d);
        return;
    }
    which = keep(w, &d);
    if (which == SEEN_MAX)
        return;
    send(w, which, from, now_ms);
    send(w, which, &elsewhere, now_ms);
    send(w, which, from, now_ms);
}

static void replay_all(struct world *w, uint64_t now_ms)
{
    struct lan_addr elsewhere = {.ip = {[14] = 2}, .port = 4002};

    for (unsigned i = 0; i < w->n_seen; i++)
        send(w, i, &elsewhere, now_ms);
}

static void set_clock(struct world *w, struct ag_span bytes)
{
    uint32_t v = 0;

    for (size_t i = 0; i < bytes.len && i < 4; i++)
        v = v << 8 | (uint8_t) bytes.p[i];
    w->now_s = v;
}

static void step(struct world *w, unsigned what, struct ag_span bytes, uint64_t *now_ms)
{
    struct lan_addr from = {.ip = {[15] = (uint8_t) (what >> 6)}, .port = 4000};

    switch (what & 7) {
    case 0:
        lan_receive(&w->l, &from, bytes, *now_ms, w->now_s);
        break;
    case 1:
    case 2:
        receive_text(w, &from, bytes, *now_ms);
        break;
    case 3:
    case 4:
        lan_answer(&w->l, w->last_handle, bytes, NULL, *now_ms, w->now_s);
        break;
    case 5:
        lan_answer(&w->l, bytes.len, AG_SPAN("{\"id\":1,\"result\":[\"ok\"]}"), NULL, *now_ms, w->now_s);
        break;
    case 6:
        *now_ms += bytes.len * 1000;
        lan_expire(&w->l, *now_ms);
        break;
    default:
        w->l.reveal_token = bytes.len & 1;
        if (bytes.len >= 4)
            set_clock(w, bytes);
        else
            replay_all(w, *now_ms);
    }
    if (w->l.requests.n > MAX_REQUESTS || w->l.requests.kept_bytes > MAX_KEPT)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world w = {.now_s = NOW};
    uint64_t now_ms = 1000;

    lan_init(&w.l, &sink, &w, DID);
    w.l.requests.max = MAX_REQUESTS;
    w.l.requests.max_kept_bytes = MAX_KEPT;
    if (lan_set_token(&w.l, "a1B2c3D4e5F6g7H8") < 0 || packet_key_init(&w.key, "a1B2c3D4e5F6g7H8") < 0)
        abort();
    while (n >= 2) {
        size_t len = data[1] < n - 2 ? data[1] : n - 2;

        step(&w, data[0], (struct ag_span){(const char *) data + 2, len}, &now_ms);
        data += 2 + len;
        n -= 2 + len;
    }
    replay_all(&w, now_ms);
    for (unsigned i = 0; i < w.n_seen; i++)
        ag_buf_deinit(&w.seen[i].bytes);
    lan_deinit(&w.l);
    packet_key_deinit(&w.key);
    return 0;
}
