/* SPDX-License-Identifier: MIT */
/* The receiving half of an OT session: stream into packets, packets into texts, texts into commands and answers. */
#include "client/cloud/ot/core/ot_session_state.h"

#include <inttypes.h>
#include <stdio.h>
#include "client/cloud/ot/core/ot_text.h"
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"

static void on_ack(struct ot_session *s, const struct ag_json_view *v, struct ag_span text, uint64_t now_ms)
{
    uint64_t id;

    if (!ag_view_uint(v, text.p, AG_M_ID, UINT32_MAX, &id) || id == 0 ||
        (!ag_view_has(v, AG_M_RESULT) && !ag_view_has(v, AG_M_ERROR))) {
        s->stats.drop_message++;
        return;
    }
    if (id == s->info_id) {
        s->info_id = 0;
        s->info_due_ms = now_ms + s->cfg.info_period_ms;
        return;
    }
    if (id == s->idle_id) {
        s->idle_id = 0;
        s->idle_due_ms = AG_NEVER;
        return;
    }
    if (!ot_pending_has(&s->pending, (uint32_t) id)) {
        s->stats.stray_acks++;
        return;
    }
    ag_buf_clear(&s->text);
    if (ot_text_without_id(&s->text, text, v) < 0) {
        s->stats.drop_memory++; /* it will be asked for again, or fail in time */
        return;
    }
    ot_pending_remove(&s->pending, (uint32_t) id);
    s->stats.acks++;
    s->sink->acked(s->user, (uint32_t) id, ag_buf_span(&s->text));
}

static void answer_busy(struct ot_session *s, uint64_t id, uint64_t now_ms)
{
    char text[96];
    int n = snprintf(text, sizeof text, "{\"id\":%" PRIu64 ",\"error\":{\"code\":%d,\"message\":\"too many commands\"}}", id,
                     AG_CODE_BUSY);

    s->stats.drop_busy++;
    ot_session_send(s, (struct ag_span){text, (size_t) n}, now_ms);
}

/* Clouds' stamps follow no rule; the packet only has to be a new one. */
static bool is_fresh(struct ot_session *s, struct ag_span packet)
{
    switch (replay_look(&s->taken, packet_checksum(packet), packet_peek_stamp(packet))) {
    case REPLAY_SEEN:
        s->stats.drop_replayed++;
        return false;
    case REPLAY_TOO_OLD:
        s->stats.drop_narrowed++;
        return false;
    default:
        return true;
    }
}

/* false: short of memory; the command must not be executed, as its packet could be replayed. */
static bool take_packet(struct ot_session *s, struct ag_span packet)
{
    if (replay_add(&s->taken, packet_checksum(packet), packet_peek_stamp(packet)) == 0)
        return true;
    s->stats.drop_memory++;
    return false;
}

static void on_new_command(struct ot_session *s, uint64_t token, struct ag_span packet, struct ag_span text)
{
    if (!take_packet(s, packet)) {
        ot_memory_drop(&s->memory, token);
        return;
    }
    s->stats.commands++;
    s->sink->command(s->user, token, text, true);
}

static bool is_first_seen(const struct ot_session *s, struct ag_span packet)
{
    return replay_look(&s->taken, packet_checksum(packet), packet_peek_stamp(packet)) == REPLAY_NEW;
}

static void on_numbered_command(struct ot_session *s, uint64_t id, struct ag_span packet, struct ag_span text, uint64_t now_ms)
{
    struct ag_span answer;
    uint64_t token;
    int r;

    if (!ot_memory_knows(&s->memory, id, text, now_ms)) {
        if (!is_fresh(s, packet))
            return;
    } else if (is_first_seen(s, packet) && !take_packet(s, packet)) {
        return; /* a repeat, but in a packet of its own */
    }
    r = ot_memory_take(&s->memory, id, text, now_ms, &token, &answer);
    switch (r) {
    case OT_MEMORY_NEW:
        on_new_command(s, token, packet, text);
        break;
    case OT_MEMORY_OPEN:
        s->stats.repeats++;
        break;
    case OT_MEMORY_ANSWERED:
        s->stats.repeats++;
        ot_session_send(s, answer, now_ms);
        break;
    case OT_MEMORY_FULL:
        answer_busy(s, id, now_ms);
        break;
    default:
        s->stats.drop_memory++;
        break;
    }
}

/* A stream duplicates nothing, and two within a second may be intended. */
static void on_notice(struct ot_session *s, struct ag_span packet, struct ag_span text)
{
    if (!s->cfg.stream && (!is_fresh(s, packet) || !take_packet(s, packet)))
        return;
    s->stats.commands++;
    s->sink->command(s->user, 0, text, false);
}

static void on_command(struct ot_session *s, const struct ag_json_view *v, struct ag_span packet, struct ag_span text,
                       uint64_t now_ms)
{
    uint64_t id;

    if (!ag_view_has(v, AG_M_ID)) {
        on_notice(s, packet, text);
    } else if (ag_view_uint(v, text.p, AG_M_ID, UINT64_MAX, &id)) {
        on_numbered_command(s, id, packet, text, now_ms);
    } else {
        s->stats.drop_message++;
    }
}

static void on_text(struct ot_session *s, struct ag_span packet, struct ag_span text, uint64_t now_ms)
{
    struct ag_json_view v;

    if (ag_json_parse(&text, OT_DEPTH_MAX, &v) != 0) {
        s->stats.drop_json++;
        return;
    }
    if ((v.twice & (1u << AG_M_ID | 1u << AG_M_METHOD)) != 0) {
        s->stats.drop_message++;
    } else if (v.at[AG_M_METHOD].type == AG_JSON_STRING) {
        on_command(s, &v, packet, text, now_ms);
    } else if (v.at[AG_M_METHOD].type == AG_JSON_NONE) {
        on_ack(s, &v, text, now_ms);
    } else {
        s->stats.drop_message++;
    }
}

static void count_refused(struct ot_stats *st, int r)
{
    uint64_t *const counters[] = {
        [PACKET_E_MAGIC] = &st->drop_magic,
        [PACKET_E_LENGTH] = &st->drop_length,
        [PACKET_E_CHECKSUM] = &st->drop_checksum,
        [PACKET_E_PADDING] = &st->drop_padding,
    };

    if (r < 0)
        st->drop_memory++;
    else
        ++*counters[r];
}

static void on_sealed(struct ot_session *s, struct ag_span packet, uint64_t now_ms)
{
    struct packet p;
    int r = packet_decode(&p, &s->key, packet, &s->plain);

    if (r != 0) {
        count_refused(&s->stats, r);
        return;
    }
    if (p.did != s->cfg.did) {
        s->stats.drop_did++;
        return;
    }
    s->last_rx_ms = now_ms;
    s->n_missed = 0;
    if (s->state == OT_PROVING)
        ot_session_take_proof(s, now_ms);
    if (!p.header_only) /* the echo of a keepalive */
        on_text(s, packet, ag_buf_span(&s->plain), now_ms);
}

static void on_packet(struct ot_session *s, struct ag_span packet, uint64_t now_ms)
{
    uint32_t stamp;

    s->stats.rx_packets++;
    if (packet_is_cloud_hello_reply(packet, &stamp)) {
        if (s->state == OT_HELLO)
            ot_session_take_time(s, stamp, now_ms);
        else
            s->stats.drop_hello++;
    } else if (s->state == OT_PROVING || s->state == OT_UP) {
        on_sealed(s, packet, now_ms);
    } else {
        s->stats.drop_early++;
    }
}

static void on_stream(struct ot_session *s, struct ag_span bytes, uint64_t now_ms)
{
    int r = 0;

    if (ag_buf_append_span(&s->in, bytes) < 0) {
        s->stats.drop_memory++;
        ot_session_end(s, "out of memory");
        return;
    }
    while (s->state != OT_IDLE) {
        struct ag_span rest = ag_buf_span(&s->in);
        size_t len;

        r = packet_frame(rest, &len);
        if (r != 0 || rest.len < len)
            break;
        on_packet(s, (struct ag_span){rest.p, len}, now_ms);
        ag_buf_consume(&s->in, len);
    }
    if (r > 0) {
        count_refused(&s->stats, r);
        ot_session_end(s, "what came is not a packet");
    }
}

void ot_session_input(struct ot_session *s, struct ag_span bytes, uint64_t now_ms)
{
    if (s->state == OT_IDLE)
        s->stats.drop_early++;
    else if (s->cfg.stream)
        on_stream(s, bytes, now_ms);
    else
        on_packet(s, bytes, now_ms);
}
