/* SPDX-License-Identifier: MIT */
/*
 * The sending side of XMODEM: 128 byte blocks, or 1024 byte blocks if wanted; CRC-16 or checksum as the
 * receiver asks; a block is sent again on NAK or silence; two CAN stop it. Bytes and time in, bytes out. The
 * stream that arrives is the image, one 1A, then FF to the end of the last block [vendor's MCU upgrade
 * notes].
 */
#ifndef MCU_XMODEM_SENDER_H
#define MCU_XMODEM_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XMODEM_START_MS = 30000, /* the receiver must ask within this time */
    XMODEM_SETTLE_MS = 100,  /* between its first C and the first block: receivers flush their input */
    XMODEM_BLOCK_MS = 3000,  /* silence after a block */
    XMODEM_BLOCK_TRIES = 25,
    XMODEM_LINGER_MS = 300,     /* after a repeated block: its second ACK must not count for the next block */
    XMODEM_BACK_CRC_MS = 11000, /* the line is back: whoever still waits calls within 10 s, and C tells who has restarted */
    XMODEM_EOT_MS = 2000,
    XMODEM_EOT_TRIES = 10,
    XMODEM_TOTAL_MS = 120000,     /* whole transfer: this, and 1 ms for each byte */
    XMODEM_OUT_MAX = 3 + 1024 + 2 /* most bytes one call puts out */
};

enum xmodem_state {
    XMODEM_IDLE,
    XMODEM_WAIT_START, /* for C or NAK */
    XMODEM_SETTLE,
    XMODEM_WAIT_ACK, /* of a block */
    XMODEM_LINGER,
    XMODEM_WAIT_EOT_ACK,
    XMODEM_DONE,
    XMODEM_FAILED
};

enum xmodem_reason {
    XMODEM_OK,
    XMODEM_NO_START,  /* the receiver never asked */
    XMODEM_NO_ACK,    /* a block was refused or not acknowledged too often */
    XMODEM_CANCELLED, /* by the receiver */
    XMODEM_ABORTED,   /* by us */
    XMODEM_TOO_SLOW   /* the bound of the whole transfer */
};

struct xmodem_sender {
    const uint8_t *image; /* borrowed until DONE or FAILED */
    size_t len;
    bool use_1k;
    bool crc;
    enum xmodem_state state;
    enum xmodem_reason reason;
    size_t at;        /* offset of the block under way; acknowledged so far */
    size_t block_len; /* 128 or 1024 */
    uint8_t seq;
    bool repeated;    /* the block was sent again and may be acknowledged twice */
    bool interrupted; /* the line was away since the last ACK */
    bool is_back;     /* just now: the wait begins with the next call that knows the time */
    size_t other_at;  /* where the other receiver that may be there wants to be served */
    uint8_t other_seq;
    unsigned tries;
    unsigned n_can;
    uint64_t due_ms, end_ms;
};

/* image stays the caller's and must live until DONE or FAILED. */
void xmodem_sender_start(struct xmodem_sender *x, const uint8_t *image, size_t len, bool use_1k, uint64_t now_ms);

/*
 * Takes one byte of the receiver, or (tick) only the time. Returns how many bytes of out are to be sent.
 * Feed byte by byte; out is filled again by each call.
 */
size_t xmodem_sender_byte(struct xmodem_sender *x, uint8_t byte, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX]);
size_t xmodem_sender_tick(struct xmodem_sender *x, uint64_t now_ms, uint8_t out[XMODEM_OUT_MAX]);

/*
 * The line goes away or is back: a receiver that now calls with C has restarted and gets the image from its start; one that
 * still waits for the block under way gets that. With checksums both say NAK: soon after the return it is a call for the start,
 * later and after silence for the block, and who refuses one is given the other in turn. Where a wrong guess would be
 * taken for right, by its number, the transfer is cancelled and begins when the receiver calls again; the same when it cancels.
 */
void xmodem_sender_interrupted(struct xmodem_sender *x);

/* Stops: puts out the CANs and fails with XMODEM_ABORTED. */
size_t xmodem_sender_abort(struct xmodem_sender *x, uint8_t out[XMODEM_OUT_MAX]);

static inline bool xmodem_sender_running(const struct xmodem_sender *x)
{
    return x->state != XMODEM_IDLE && x->state < XMODEM_DONE;
}

/* 0..100 */
unsigned xmodem_sender_percent(const struct xmodem_sender *x);

/* When xmodem_sender_tick() is wanted. Only while running. */
uint64_t xmodem_sender_due_ms(const struct xmodem_sender *x);

/* In words, for a log or an error. */
const char *xmodem_reason_text(enum xmodem_reason reason);

#endif
