/* SPDX-License-Identifier: MIT */
/* The receiving side of XMODEM, as a boot loader has it: blocks of 128 or 1024 bytes, sum or CRC. Bytes in, answers out. */
#ifndef WORLD_XMODEM_H
#define WORLD_XMODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XM_SOH = 1, XM_STX = 2, XM_EOT = 4, XM_ACK = 6, XM_NAK = 21, XM_CAN = 24, XM_IMAGE_MAX = 1 << 17 };

struct xmodem {
    bool on, crc, done;
    uint8_t block[3 + 1024 + 2], last; /* last: number of the last block that was taken */
    size_t n_block, want;              /* of the block that is coming; want 0: none */
    size_t n;                          /* of the image */
    uint64_t heard_us;
    bool was_away; /* the line, since the last block that was taken */
    uint8_t image[XM_IMAGE_MAX];
};

void xmodem_begin(struct xmodem *x, bool crc);
/* What calls the sender, or refuses what did not come whole; nothing has come for a while. */
uint8_t xmodem_call(struct xmodem *x);
/* One byte; the answer, or 0. done: all was there. */
uint8_t xmodem_take(struct xmodem *x, uint8_t byte);
/* It is the image, one 1A, and FF to the end of its block. */
bool xmodem_has(const struct xmodem *x, const void *image, size_t n);

#endif
