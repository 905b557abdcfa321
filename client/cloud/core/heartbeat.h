/* SPDX-License-Identifier: MIT */
/*
 * When to send PINGREQ and when a link counts as dead: every interval, two in a row without an answer, and
 * never more than the server allows in a sliding window, reconnects included. Times in, decisions out.
 * Source: Gizwits device to cloud protocol v4.0.6, section 4.7.
 */
#ifndef CLIENT_HEARTBEAT_H
#define CLIENT_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HEARTBEAT_WINDOW_MS = 180000,
    HEARTBEAT_WINDOW_MAX = 60, /* PINGREQs that the server allows in a window */
    HEARTBEAT_GAP_MS = 3000,   /* the same as an average: never closer than this */
    HEARTBEAT_MISSES = 2
};

enum heartbeat_do { HEARTBEAT_WAIT, HEARTBEAT_PING, HEARTBEAT_DEAD };

struct heartbeat {
    uint32_t interval_ms;
    uint64_t due_ms;                     /* of the next ping, or of the verdict */
    unsigned unanswered;                 /* pings in a row without an answer */
    uint64_t sent[HEARTBEAT_WINDOW_MAX]; /* ring: when the last pings went; survives reconnects */
    unsigned n_sent, next;
};

/* interval_ms at least HEARTBEAT_GAP_MS. */
void heartbeat_init(struct heartbeat *h, uint32_t interval_ms);

/* A session begins. */
void heartbeat_start(struct heartbeat *h, uint64_t now_ms);

/* What is due. On PING the caller sends one; on DEAD it drops the connection. */
enum heartbeat_do heartbeat_step(struct heartbeat *h, uint64_t now_ms);

/* A PINGREQ was sent without HEARTBEAT_PING: it counts, too. */
void heartbeat_sent(struct heartbeat *h, uint64_t now_ms);

/* PINGRESP came. */
void heartbeat_answered(struct heartbeat *h);

/* Until the next step, ms. */
uint64_t heartbeat_wait_ms(const struct heartbeat *h, uint64_t now_ms);

#endif
