/* SPDX-License-Identifier: MIT */
/* The packet of LAN and OT cloud, in code of the stand-ins' own (docs/protocol.md, section 8). */
#ifndef WORLD_PACKET_H
#define WORLD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PK_HEADER = 32, PK_MAX = 65536 };

struct pk_key {
    uint8_t secret[16], key[16], iv[16];
};

struct pk {
    uint64_t did;
    uint32_t stamp;
    char text[PK_MAX]; /* ends with NUL */
    size_t n;          /* 0: a keepalive */
    bool zero;         /* a zero byte is behind the text */
};

void pk_key_init(struct pk_key *k, const uint8_t secret[16]);
/* The length of the packet. */
size_t pk_encode(const struct pk_key *k, uint64_t did, uint32_t stamp, const char *text, size_t n, uint8_t *out);
/* NULL, or what is wrong with it. */
const char *pk_decode(const struct pk_key *k, const uint8_t *p, size_t n, struct pk *out);

bool pk_is_utf8(const char *text);

#endif
