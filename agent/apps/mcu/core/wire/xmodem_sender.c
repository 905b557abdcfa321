/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/wire/xmodem_sender.h"

#include <string.h>
#include "libagent/core/deadline.h"

enum { SOH = 0x01, STX = 0x02, EOT = 0x04, ACK = 0x06, NAK = 0x15, CAN = 0x18, SUB = 0x1a, WANT_CRC = 'C' };

void xmodem_sender_start(struct xmodem_sender *x, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms)
{
    *x = (struct xmodem_sender){
        .image = image,
        .len = len,
        .use_1k = use_1k,
        .state = XMODEM_WAIT_START,
        .seq = 1,
        .due_ms = now_ms + XMODEM_START_MS,
        .end_ms = now_ms + XMODEM_TOTAL_MS + len,
    };
}

/* The stream is never empty: at least the 1A follows the image. */
static size_t stream_len(const struct xmodem_sender *x)
{
    return (x->len + 1 + 127) / 128 * 128;
}

static uint8_t stream_byte(const struct xmodem_sender *x, size_t at)
{
    return at < x->len ? x->image[at] : at == x->len ? SUB : 0xff;
}

static uint16_t crc16(const uint8_t *p, size_t n)
{
    uint16_t crc = 0;

    while (n-- > 0) {
        crc = (uint16_t) (crc ^ *p++ << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t) (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static size_t print_check(const struct xmodem_sender *x, const uint8_t *data, uint8_t *out)
{
    uint8_t sum = 0;

    if (x->crc) {
        uint16_t crc = crc16(data, x->block_len);

        out[0] = (uint8_t) (crc >> 8);
        out[1] = (uint8_t) crc;
        return 2;
    }
    for (size_t i = 0; i < x->block_len; i++)
        sum = (uint8_t) (sum + data[i]);
    out[0] = sum;
    return 1;
}

static size_t send_block(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    out[0] = x->block_len == 1024 ? STX : SOH;
    out[1] = x->seq;
    out[2] = (uint8_t) ~x->seq;
    for (size_t i = 0; i < x->block_len; i++)
        out[3 + i] = stream_byte(x, x->at + i);
    x->state = XMODEM_WAIT_ACK;
    x->due_ms = now_ms + XMODEM_BLOCK_MS;
    return 3 + x->block_len + print_check(x, out + 3, out + 3 + x->block_len);
}

static size_t send_eot(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    x->state = XMODEM_WAIT_EOT_ACK;
    x->due_ms = now_ms + XMODEM_EOT_MS;
    out[0] = EOT;
    return 1;
}

/* The block at x->at for the first time, or the end. */
static size_t send_next(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    size_t left = stream_len(x) - x->at;

    x->tries = 1;
    x->repeated = false;
    if (left == 0)
        return send_eot(x, now_ms, out);
    x->block_len = x->use_1k && x->crc && left >= 1024 ? 1024 : 128;
    return send_block(x, now_ms, out);
}

static size_t fail(struct xmodem_sender *x, enum xmodem_reason reason, uint8_t *out)
{
    x->state = XMODEM_FAILED;
    x->reason = reason;
    if (reason == XMODEM_CANCELLED)
        return 0;
    memset(out, CAN, 3);
    return 3;
}

/* The receiver ends, and is given the time to call once more. */
static void wait_anew(struct xmodem_sender *x, uint64_t now_ms)
{
    x->state = XMODEM_WAIT_START;
    x->due_ms = now_ms + XMODEM_START_MS;
    x->at = 0;
    x->seq = 1;
}

static size_t cancel_and_wait(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    size_t n = fail(x, XMODEM_NO_ACK, out);

    wait_anew(x, now_ms);
    return n;
}

/* Its number does not tell the first block from the one 256 blocks later. */
static bool is_ambiguous(const struct xmodem_sender *x)
{
    return x->interrupted && x->at > 1024 && x->seq <= 2;
}

static size_t again(struct xmodem_sender *x, bool silence, uint64_t now_ms, uint8_t *out)
{
    if (x->tries++ >= XMODEM_BLOCK_TRIES)
        return fail(x, XMODEM_NO_ACK, out);
    if (is_ambiguous(x))
        return cancel_and_wait(x, now_ms, out);
    /* A NAK during the first block may be the receiver's call for data once more, not a refusal. */
    x->repeated = x->repeated || silence || x->at == 0;
    return send_block(x, now_ms, out);
}

static size_t acknowledged(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    x->at += x->block_len;
    x->seq++;
    x->interrupted = false;
    if (!x->repeated)
        return send_next(x, now_ms, out);
    x->state = XMODEM_LINGER;
    x->due_ms = now_ms + XMODEM_LINGER_MS;
    return 0;
}

static size_t eot_again(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    if (x->tries++ >= XMODEM_EOT_TRIES)
        return fail(x, XMODEM_NO_ACK, out);
    return send_eot(x, now_ms, out);
}

static void begin(struct xmodem_sender *x, bool crc, uint64_t now_ms)
{
    x->crc = crc;
    x->state = XMODEM_SETTLE;
    x->due_ms = now_ms + XMODEM_SETTLE_MS;
}

/* From the first block on, within the time of the whole. */
static void begin_anew(struct xmodem_sender *x, uint64_t now_ms)
{
    x->at = 0;
    x->seq = 1;
    x->interrupted = false;
    begin(x, true, now_ms);
}

/* NAK of a receiver with checksums, after the line was away: it wants what it was not given last. */
static size_t serve_other(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    size_t at = x->at;
    uint8_t seq = x->seq;
    unsigned tries = x->tries;

    if (tries >= XMODEM_BLOCK_TRIES)
        return fail(x, XMODEM_NO_ACK, out);
    if (is_ambiguous(x))
        return cancel_and_wait(x, now_ms, out);
    x->at = x->other_at;
    x->seq = x->other_seq;
    x->other_at = at;
    x->other_seq = seq;
    if (is_ambiguous(x))
        return cancel_and_wait(x, now_ms, out);
    if (x->at == 0) {
        x->state = XMODEM_SETTLE;
        x->due_ms = now_ms + XMODEM_SETTLE_MS;
        return 0;
    }
    at = send_next(x, now_ms, out);
    x->tries = tries + 1;
    x->repeated = true;
    return at;
}

/* The wait after a return begins, at the first call that knows the time. */
static void note_return(struct xmodem_sender *x, uint64_t now_ms)
{
    if (!x->is_back)
        return;
    x->is_back = false;
    if (x->state == XMODEM_WAIT_START || x->state == XMODEM_SETTLE)
        wait_anew(x, now_ms);
    else
        x->due_ms = now_ms + (x->crc ? XMODEM_BACK_CRC_MS : XMODEM_BLOCK_MS);
}

static size_t cancelled(struct xmodem_sender *x, uint64_t now_ms, uint8_t *out)
{
    if (!x->interrupted)
        return fail(x, XMODEM_CANCELLED, out);
    x->reason = XMODEM_CANCELLED; /* the reason given when it does not call again */
    x->n_can = 0;
    if (x->state != XMODEM_WAIT_START)
        wait_anew(x, now_ms);
    return 0;
}

static size_t finish(struct xmodem_sender *x)
{
    x->state = XMODEM_DONE;
    x->reason = XMODEM_OK;
    return 0;
}

size_t xmodem_sender_byte(struct xmodem_sender *x, uint8_t byte, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX])
{
    if (!xmodem_sender_running(x))
        return 0;
    note_return(x, now_ms);
    x->n_can = byte == CAN ? x->n_can + 1 : 0;
    if (x->n_can >= 2)
        return cancelled(x, now_ms, out);
    if (x->interrupted && byte == NAK && !x->crc && x->state > XMODEM_SETTLE)
        return serve_other(x, now_ms, out);
    if (x->interrupted && byte == WANT_CRC && x->state > XMODEM_SETTLE) {
        begin_anew(x, now_ms);
        return 0;
    }
    switch (x->state) {
    case XMODEM_WAIT_START:
        if (byte == WANT_CRC || byte == NAK) {
            x->interrupted = false;
            begin(x, byte == WANT_CRC, now_ms);
        }
        return 0;
    case XMODEM_WAIT_ACK:
        if (byte == ACK)
            return acknowledged(x, now_ms, out);
        return byte == NAK ? again(x, false, now_ms, out) : 0;
    case XMODEM_WAIT_EOT_ACK:
        if (byte == ACK)
            return finish(x);
        return byte == NAK ? eot_again(x, now_ms, out) : 0;
    default:
        return 0; /* settling, lingering: what comes belongs to what was before */
    }
}

size_t xmodem_sender_tick(struct xmodem_sender *x, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX])
{
    if (!xmodem_sender_running(x))
        return 0;
    note_return(x, now_ms);
    if (now_ms >= x->end_ms)
        return fail(x, XMODEM_TOO_SLOW, out);
    if (now_ms < x->due_ms)
        return 0;
    switch (x->state) {
    case XMODEM_WAIT_START:
        return fail(x, x->reason == XMODEM_OK ? XMODEM_NO_START : x->reason, out);
    case XMODEM_SETTLE:
    case XMODEM_LINGER:
        if (is_ambiguous(x))
            return cancel_and_wait(x, now_ms, out);
        return send_next(x, now_ms, out);
    case XMODEM_WAIT_ACK:
        return again(x, true, now_ms, out);
    default: /* a receiver may leave with its last ACK unsent: all blocks have arrived */
        return x->tries >= 2 ? finish(x) : eot_again(x, now_ms, out);
    }
}

void xmodem_sender_interrupted(struct xmodem_sender *x)
{
    x->interrupted = x->is_back = xmodem_sender_running(x);
    x->other_at = 0;
    x->other_seq = 1;
}

size_t xmodem_sender_abort(struct xmodem_sender *x, uint8_t out[XMODEM_OUT_MAX])
{
    return xmodem_sender_running(x) ? fail(x, XMODEM_ABORTED, out) : 0;
}

unsigned xmodem_sender_percent(const struct xmodem_sender *x)
{
    return x->state == XMODEM_IDLE ? 0 : (unsigned) (x->at * 100 / stream_len(x));
}

uint64_t xmodem_sender_due_ms(const struct xmodem_sender *x)
{
    return ag_earlier(x->due_ms, x->end_ms);
}

const char *xmodem_reason_text(enum xmodem_reason reason)
{
    static const char *const texts[] = {
        [XMODEM_OK] = "done",
        [XMODEM_NO_START] = "the MCU did not ask for data",
        [XMODEM_NO_ACK] = "the MCU did not acknowledge",
        [XMODEM_CANCELLED] = "cancelled by the MCU",
        [XMODEM_ABORTED] = "aborted",
        [XMODEM_TOO_SLOW] = "the transfer took too long",
    };

    return texts[reason];
}
