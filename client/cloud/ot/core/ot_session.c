/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_session_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/cloud/ot/core/ot_text.h"
#include "libagent/core/codes.h"
#include "libagent/core/ids.h"
#include "libagent/core/deadline.h"

void ot_config_defaults(struct ot_config *c)
{
    c->info_period_ms = 1800000;
    c->info_retry_ms = 5000;
    c->hello_retry_ms = 3000;
    c->hello_tries = 3;
    c->prove_ms = 20000;
    c->keepalive_ms = 15000;
    c->keepalive_misses = 3;
    c->resend_ms = 3000;
    c->resends = 4;
    c->window = 256;
}

struct ot_session *ot_session_free(struct ot_session *s)
{
    if (!s)
        return NULL;
    ot_pending_deinit(&s->pending);
    ot_memory_deinit(&s->memory);
    replay_deinit(&s->taken);
    ag_buf_deinit(&s->in);
    ag_buf_deinit(&s->plain);
    ag_buf_deinit(&s->packet);
    ag_buf_deinit(&s->text);
    packet_key_deinit(&s->key);
    free(s);
    return NULL;
}

/* An id under which nothing is under way. */
static uint32_t draw_id(struct ot_session *s)
{
    uint32_t x = s->random, id;

    do {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        id = ag_id_from(x);
    } while (id == s->info_id || id == s->idle_id || ot_pending_has(&s->pending, id));
    s->random = x;
    return id;
}

int ot_session_new(struct ot_session **out, const struct ot_config *config, const struct ot_sink *sink, void *user)
{
    struct ot_session *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->cfg = *config;
    s->cfg.key = NULL;
    s->sink = sink;
    s->user = user;
    s->text.secret = true; /* _otc.info tells the token */
    ot_pending_init(&s->pending);
    ot_memory_init(&s->memory);
    replay_init(&s->taken, REPLAY_MAX);
    s->random = config->seed ? config->seed : 1;
    s->idle_id = draw_id(s);
    r = packet_key_init(&s->key, config->key);
    if (r < 0) {
        ot_session_free(s);
        return r;
    }
    *out = s;
    return 0;
}

/* ---- sending ---- */

static uint32_t stamp_now(struct ot_session *s, uint64_t now_ms)
{
    uint32_t stamp = s->time_base + (uint32_t) ((now_ms - s->time_base_ms) / 1000);

    if (stamp > s->last_stamp)
        s->last_stamp = stamp;
    return s->last_stamp;
}

static size_t text_max(const struct ot_session *s)
{
    return s->cfg.stream ? PACKET_TEXT_MAX : PACKET_UDP_TEXT_MAX;
}

int ot_session_send(struct ot_session *s, struct ag_span text, uint64_t now_ms)
{
    int r;

    if (text.len > text_max(s))
        return -EMSGSIZE;
    ag_buf_clear(&s->packet);
    r = packet_encode(&s->packet, &s->key, s->cfg.did, stamp_now(s, now_ms), text);
    if (r < 0) {
        s->stats.drop_memory++;
        return r;
    }
    s->stats.tx_packets++;
    s->last_tx_ms = now_ms;
    s->sink->send(s->user, ag_buf_span(&s->packet));
    return 0;
}

static void send_hello(struct ot_session *s, uint64_t now_ms)
{
    uint8_t hello[PACKET_HEADER];

    packet_cloud_hello(hello);
    s->hello_due_ms = now_ms + s->cfg.hello_retry_ms;
    if (s->n_hellos++ > 0 && s->cfg.stream)
        return; /* a stream loses nothing */
    s->stats.tx_packets++;
    s->sink->send(s->user, (struct ag_span){(const char *) hello, sizeof hello});
}

static int build_info(struct ot_session *s)
{
    int r;

    ag_buf_clear(&s->text);
    r = ag_buf_printf(&s->text, "{\"id\":%" PRIu32 ",\"method\":\"_otc.info\",\"params\":", s->info_id);
    if (r == 0)
        r = s->sink->info(s->user, &s->text);
    return r == 0 ? ag_buf_append_char(&s->text, '}') : r;
}

static void send_info(struct ot_session *s, uint64_t now_ms)
{
    if (s->info_id == 0)
        s->info_id = draw_id(s);
    s->info_due_ms = now_ms + s->cfg.info_retry_ms;
    if (build_info(s) == 0)
        ot_session_send(s, ag_buf_span(&s->text), now_ms);
}

void ot_session_info_changed(struct ot_session *s, uint64_t now_ms)
{
    if (s->state == OT_UP)
        s->info_due_ms = now_ms;
}

static void send_idle(struct ot_session *s, uint64_t now_ms)
{
    char text[96];
    int n =
        snprintf(text, sizeof text, "{\"id\":%" PRIu32 ",\"method\":\"props\",\"params\":{\"ota_state\":\"idle\"}}", s->idle_id);

    s->idle_sends++;
    s->idle_due_ms = s->cfg.stream || s->idle_sends > s->cfg.resends ? AG_NEVER : now_ms + s->cfg.resend_ms;
    ot_session_send(s, (struct ag_span){text, (size_t) n}, now_ms);
}

/* ---- states ---- */

void ot_session_begin(struct ot_session *s, uint64_t now_ms)
{
    if (s->state != OT_IDLE)
        ot_session_end(s, "started over");
    s->state = OT_HELLO;
    s->begun_ms = s->last_rx_ms = now_ms;
    s->n_hellos = 0;
    s->n_missed = 0;
    s->wrong_sums = s->stats.drop_checksum;
    ag_buf_clear(&s->in);
    send_hello(s, now_ms);
}

static void fail_all(struct ot_session *s)
{
    struct ot_pending_view e;

    while (ot_pending_oldest(&s->pending, &e)) {
        ot_pending_remove(&s->pending, e.id);
        s->sink->failed(s->user, e.id, true, AG_CODE_NOT_CONNECTED, "not connected");
    }
}

void ot_session_end(struct ot_session *s, const char *why)
{
    if (s->state == OT_IDLE)
        return;
    s->state = OT_IDLE;
    s->sink->lost(s->user, why);
    fail_all(s);
}

void ot_session_take_time(struct ot_session *s, uint32_t stamp, uint64_t now_ms)
{
    s->state = OT_PROVING;
    s->begun_ms = s->last_rx_ms = now_ms;
    s->time_base = stamp;
    s->time_base_ms = now_ms;
    s->last_stamp = stamp;
    s->info_id = 0;
    send_info(s, now_ms);
}

void ot_session_take_proof(struct ot_session *s, uint64_t now_ms)
{
    s->state = OT_UP;
    s->last_keepalive_ms = now_ms;
    s->idle_due_ms = AG_NEVER;
    s->idle_sends = 0;
    if (s->idle_id != 0)
        send_idle(s, now_ms);
    s->sink->connected(s->user, (int64_t) s->last_stamp);
}

/* ---- time ---- */

/* Time for a sign of life from us, or to ask for one: but a second after other traffic, so that the stamp has grown. */
static uint64_t keepalive_due(const struct ot_session *s)
{
    uint64_t quiet = s->last_tx_ms + s->cfg.keepalive_ms;
    uint64_t unheard = s->last_rx_ms + s->cfg.keepalive_ms;
    uint64_t due = ag_earlier(quiet, unheard);
    uint64_t again = s->last_keepalive_ms + s->cfg.keepalive_ms;
    uint64_t grown = s->last_tx_ms + 1000;

    if (due < again && s->n_missed > 0)
        due = again;
    return due > grown ? due : grown;
}

/* However busy we are: after so long a silence the connection is dead. */
static uint64_t dead_at(const struct ot_session *s)
{
    return s->last_rx_ms + (uint64_t) s->cfg.keepalive_ms * (s->cfg.keepalive_misses + 2);
}

static void tick_hello(struct ot_session *s, uint64_t now_ms)
{
    if (now_ms < s->hello_due_ms)
        return;
    if (s->n_hellos >= s->cfg.hello_tries)
        ot_session_end(s, "no answer to hello");
    else
        send_hello(s, now_ms);
}

static void tick_info(struct ot_session *s, uint64_t now_ms)
{
    if (now_ms >= s->info_due_ms)
        send_info(s, now_ms);
    if (s->state == OT_UP && s->idle_id != 0 && now_ms >= s->idle_due_ms)
        send_idle(s, now_ms);
}

static void tick_proving(struct ot_session *s, uint64_t now_ms)
{
    if (now_ms - s->begun_ms >= s->cfg.prove_ms)
        ot_session_end(s, s->stats.drop_checksum > s->wrong_sums ? "the cloud's packets have a wrong checksum: is key= right?"
                                                                 : "the cloud does not answer _otc.info");
}

static void tick_keepalive(struct ot_session *s, uint64_t now_ms)
{
    if (now_ms >= dead_at(s)) {
        ot_session_end(s, "the cloud has fallen silent");
        return;
    }
    if (now_ms < keepalive_due(s))
        return;
    if (s->n_missed >= s->cfg.keepalive_misses) {
        ot_session_end(s, "keepalives are not answered");
        return;
    }
    s->n_missed++;
    s->stats.keepalives++;
    s->last_keepalive_ms = now_ms;
    ot_session_send(s, (struct ag_span){"", 0}, now_ms);
}

static void tick_pending(struct ot_session *s, uint64_t now_ms)
{
    unsigned sends = s->cfg.stream ? 1 : s->cfg.resends + 1;
    struct ot_pending_view e;

    while (s->state == OT_UP && ot_pending_next_due(&s->pending, &e) && e.due_ms <= now_ms) {
        if (e.n_sent < sends) {
            s->stats.resends++;
            ot_session_send(s, e.text, now_ms);
            ot_pending_sent(&s->pending, e.id, now_ms + s->cfg.resend_ms);
            continue;
        }
        ot_pending_remove(&s->pending, e.id);
        s->stats.no_acks++;
        s->sink->failed(s->user, e.id, true, AG_CODE_NO_ACK, "OT server noack");
    }
}

void ot_session_tick(struct ot_session *s, uint64_t now_ms)
{
    if (s->state == OT_HELLO)
        tick_hello(s, now_ms);
    if (s->state == OT_PROVING)
        tick_proving(s, now_ms);
    if (s->state == OT_PROVING || s->state == OT_UP)
        tick_info(s, now_ms);
    if (s->state == OT_UP)
        tick_pending(s, now_ms);
    if (s->state == OT_UP)
        tick_keepalive(s, now_ms);
    ot_memory_expire(&s->memory, now_ms);
}

uint64_t ot_session_deadline(const struct ot_session *s)
{
    struct ot_pending_view e;
    uint64_t at;

    switch (s->state) {
    case OT_HELLO:
        return s->hello_due_ms;
    case OT_PROVING:
        return ag_earlier(s->info_due_ms, s->begun_ms + s->cfg.prove_ms);
    case OT_UP:
        at = ag_earlier(ag_earlier(s->info_due_ms, keepalive_due(s)), dead_at(s));
        if (s->idle_id != 0)
            at = ag_earlier(at, s->idle_due_ms);
        return ot_pending_next_due(&s->pending, &e) ? ag_earlier(at, e.due_ms) : at;
    case OT_IDLE:
        break;
    }
    return AG_NEVER;
}

/* ---- what the client gives ---- */

/* The client may use any id: if ours is the same, ours changes. */
static void step_aside(struct ot_session *s, uint32_t id)
{
    if (id == s->info_id)
        s->info_id = draw_id(s);
    if (id == s->idle_id)
        s->idle_id = draw_id(s);
}

bool ot_session_has_room(const struct ot_session *s)
{
    return s->pending.n < s->cfg.window;
}

int ot_session_report(struct ot_session *s, uint32_t id, struct ag_span text, uint64_t now_ms)
{
    uint64_t wait_ms = s->cfg.stream ? (uint64_t) s->cfg.resend_ms * (s->cfg.resends + 1) : s->cfg.resend_ms;
    int r;

    if (s->state != OT_UP)
        return -ENOTCONN;
    if (id == 0 || text.len == 0)
        return -EINVAL;
    if (text.len > text_max(s))
        return -EMSGSIZE;
    if (s->pending.n >= s->cfg.window)
        return -ENOBUFS;
    step_aside(s, id);
    r = ot_pending_add(&s->pending, id, text, now_ms + wait_ms);
    if (r < 0)
        return r == -EEXIST ? -EINVAL : r;
    s->stats.reports++;
    ot_session_send(s, text, now_ms); /* short of memory: as if lost on the way */
    return 0;
}

int ot_session_answer(struct ot_session *s, uint64_t token, struct ag_span text, uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf full = AG_BUF_INIT;
    bool too_big;
    uint64_t id;
    int r;

    if (!ot_memory_id(&s->memory, token, &id)) {
        s->stats.late_answers++;
        return -ENOENT;
    }
    r = ot_text_with_id(&full, text, id);
    if (r < 0)
        return r;
    too_big = ag_buf_size(&full) > text_max(s);
    if (too_big) {
        ag_buf_clear(&full);
        r = ag_buf_printf(&full, "{\"id\":%" PRIu64 ",\"error\":{\"code\":%d,\"message\":\"answer too large\"}}", id,
                          AG_CODE_BUSY);
        if (r < 0)
            return r;
    }
    ot_memory_answered(&s->memory, token, ag_buf_span(&full));
    if (s->state != OT_UP) {
        s->stats.late_answers++;
        return -ENOTCONN;
    }
    r = ot_session_send(s, ag_buf_span(&full), now_ms);
    return r == 0 && too_big ? -EMSGSIZE : r;
}

bool ot_session_is_busy(const struct ot_session *s)
{
    return s->state == OT_HELLO || s->state == OT_PROVING || (s->state == OT_UP && (s->pending.n > 0 || s->idle_id != 0));
}

unsigned ot_session_n_open(const struct ot_session *s)
{
    return (unsigned) s->pending.n;
}

const struct ot_stats *ot_session_stats(const struct ot_session *s)
{
    return &s->stats;
}
