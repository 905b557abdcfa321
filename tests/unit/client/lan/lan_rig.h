/* SPDX-License-Identifier: MIT */
/* The LAN side with one phone: datagrams in, and the last datagram and command that came of them. */
#ifndef TEST_LAN_RIG_H
#define TEST_LAN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "client/lan/core/lan.h"

#define DID   87654321u
#define TOKEN "a1B2c3D4e5F6g7H8"
#define NOW   1700000000u

/* V8: hello. V9: its answer when provisioned. V10: unprovisioned, stamp 60. */
#define V8  "21310020ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define V9  "213100200000000005397fb16553f100ffffffffffffffffffffffffffffffff"
#define V10 "213100200000000005397fb10000003c61314232633344346535463667374838"
/* V1: {"id":1,"method":"miIO.info","params":[]}, stamp NOW */
#define V1                                                                                                                       \
    "213100500000000005397fb16553f100bf30fac6036030c46f7e96bc430f35d53212c5571ce75add1f83e3c54c14b22d"                           \
    "22f9d52b4ae6cdc3c6b639d642e607c732464ee25d20558a9ce08114f589ec96"

struct world {
    struct lan l;
    struct packet_key key; /* the phone's */
    struct ag_buf sent;    /* the last datagram */
    unsigned n_sent, n_commands;
    uint64_t handle;
    char text[256];
};

static const struct lan_addr peer = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4000};
static const struct lan_addr other = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 4001};

/* What the LAN side sends and finds goes into the world that is its user. */
extern const struct lan_sink world_sink;

int world_init(struct world *w);
void world_deinit(struct world *w);

size_t world_unhex(const char *hex, char *out);
/* A datagram comes: these digits from peer; a request of the phone, its stamp chosen; a hello, whose answer must come. */
void world_receive_hex(struct world *w, const char *hex, uint32_t now_s);
void world_receive_hex_at(struct world *w, const char *hex, uint64_t now_ms, uint32_t now_s);
int world_receive(struct world *w, const struct lan_addr *from, uint64_t did, uint32_t stamp, const char *text, uint64_t now_ms);
void world_hello(struct world *w, const struct lan_addr *from, uint64_t now_ms, uint32_t now_s);

/* The last datagram that was sent: bytes, or the text in it. */
void expect_sent_hex(struct world *w, const char *hex);
void expect_sent_text(struct world *w, const char *text);

#endif
