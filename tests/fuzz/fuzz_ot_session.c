/* SPDX-License-Identifier: MIT */
/*
 * A session driven by bytes: each step is an operation and its operand. Packets are given as they are, or sealed under the
 * session's own key so that what follows the checksum is reached. Invariants: every report that was taken ends
 * exactly once; stamps do not go back; the session asks to be woken in finite time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/ot/core/ot_session.h"
#include "client/lan/core/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define KEY "Qw3rTy7UiOp9AsDf"

struct world {
    struct ot_session *s;
    struct packet_key key;
    struct ag_buf plain;
    uint64_t now_ms, token;
    uint32_t last_stamp, next_id;
    unsigned taken, ended;
};

static void on_send(void *user, struct ag_span packet)
{
    struct world *w = user;
    struct packet p;

    if (packet_peek_did(packet) == UINT64_MAX)
        return;
    if (packet_decode(&p, &w->key, packet, &w->plain) != 0 || p.stamp < w->last_stamp)
        abort();
    w->last_stamp = p.stamp;
}

static void on_connected(void *user, int64_t unix_s)
{
    (void) user;
    (void) unix_s;
}

static void on_lost(void *user, const char *why)
{
    ((struct world *) user)->last_stamp = 0;
    if (!why)
        abort();
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    struct world *w = user;

    w->token = token;
    if (wants_answer && text.len % 2)
        ot_session_answer(w->s, token, AG_SPAN("{\"id\":1,\"result\":[]}"), w->now_ms);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    (void) id;
    ((struct world *) user)->ended++;
    if (answer.len < 2)
        abort();
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    (void) id;
    (void) retry;
    (void) code;
    (void) message;
    ((struct world *) user)->ended++;
}

static int on_info(void *user, struct ag_buf *out)
{
    (void) user;
    return ag_buf_append_str(out, "{}");
}

static const struct ot_sink sink = {on_send, on_connected, on_lost, on_command, on_acked, on_failed, on_info};

static void give_sealed(struct world *w, const uint8_t *p, size_t n)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

    if (packet_encode(&out, &w->key, 7, 1, (struct ag_span){(const char *) p, n}) == 0)
        ot_session_input(w->s, ag_buf_span(&out), w->now_ms);
}

static void give_ack(struct world *w, uint32_t id)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (ag_buf_printf(&text, "{\"id\":%u,\"result\":\"ok\"}", id) == 0)
        give_sealed(w, (const uint8_t *) ag_buf_head(&text), ag_buf_size(&text));
}

static void report(struct world *w)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (ag_buf_printf(&text, "{\"id\":%u,\"method\":\"props\"}", w->next_id) == 0 &&
        ot_session_report(w->s, w->next_id, ag_buf_span(&text), w->now_ms) == 0)
        w->taken++;
    w->next_id++;
}

static void give_time(struct world *w, uint8_t stamp)
{
    uint8_t h[PACKET_HEADER];

    packet_cloud_hello(h);
    h[12] = stamp;
    ot_session_input(w->s, (struct ag_span){(const char *) h, sizeof h}, w->now_ms);
}

static void step(struct world *w, uint8_t op, const uint8_t *p, size_t n)
{
    switch (op % 8) {
    case 0:
        ot_session_begin(w->s, w->now_ms);
        break;
    case 1:
        give_time(w, n > 0 ? p[0] : 1);
        break;
    case 2:
        give_sealed(w, p, n);
        break;
    case 3:
        ot_session_input(w->s, (struct ag_span){(const char *) p, n}, w->now_ms);
        break;
    case 4:
        report(w);
        break;
    case 5:
        give_ack(w, n > 0 ? p[0] : w->next_id - 1);
        break;
    case 6:
        w->now_ms += n > 1 ? (uint64_t) p[0] << 8 | p[1] : 1000;
        ot_session_tick(w->s, w->now_ms);
        if (ot_session_deadline(w->s) <= w->now_ms)
            ot_session_tick(w->s, w->now_ms);
        break;
    default:
        ot_session_answer(w->s, w->token, (struct ag_span){(const char *) p, n}, w->now_ms);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world w = {.now_ms = 1000, .next_id = 1};
    struct ot_config cfg = {0};

    if (n < 1 || packet_key_init(&w.key, KEY) != 0)
        return 0;
    ot_config_defaults(&cfg);
    cfg.stream = data[0] & 1;
    cfg.did = 7;
    cfg.key = KEY;
    cfg.seed = 9;
    cfg.window = 8;
    if (ot_session_new(&w.s, &cfg, &sink, &w) == 0) {
        for (size_t at = 1; at + 2 <= n;) {
            size_t len = data[at + 1] < n - at - 2 ? data[at + 1] : n - at - 2;

            step(&w, data[at], data + at + 2, len);
            at += 2 + len;
        }
        ot_session_end(w.s, "end");
        if (w.taken != w.ended)
            abort();
        ot_session_free(w.s);
    }
    ag_buf_deinit(&w.plain);
    packet_key_deinit(&w.key);
    return 0;
}
