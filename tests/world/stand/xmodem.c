/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/xmodem.h"

#include <string.h>
#include "tests/world/kernel/kernel.h"

void xmodem_begin(struct xmodem *x, bool crc)
{
    x->on = true;
    x->crc = crc;
    x->done = x->was_away = false;
    x->last = 0;
    x->n = x->n_block = x->want = 0;
    x->heard_us = W.now_us;
}

uint8_t xmodem_call(struct xmodem *x)
{
    x->n_block = x->want = 0;
    return x->crc && x->n == 0 ? 'C' : XM_NAK;
}

static bool is_whole(const struct xmodem *x)
{
    const uint8_t *data = x->block + 3;
    size_t n = x->want - 3 - (x->crc ? 2 : 1);
    unsigned sum = 0;

    if ((uint8_t) (x->block[1] ^ x->block[2]) != 0xff)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!x->crc) {
            sum = (sum + data[i]) & 0xff;
            continue;
        }
        sum ^= (unsigned) data[i] << 8;
        for (int k = 0; k < 8; k++)
            sum = (sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1) & 0xffff;
    }
    return x->crc ? data[n] == sum >> 8 && data[n + 1] == (sum & 0xff) : data[n] == sum;
}

static uint8_t take_block(struct xmodem *x)
{
    size_t n = x->want - 3 - (x->crc ? 2 : 1);
    uint8_t number = x->block[1];

    if (!is_whole(x))
        return XM_NAK;
    if (number == x->last && x->n > 0)
        return XM_ACK; /* its answer was lost */
    if (number == 1 && x->was_away && !x->crc)
        return XM_NAK; /* with checksums the first call and the next one are the same byte: it may guess, once */
    if (number != (uint8_t) (x->last + 1)) {
        broken("the MCU was sent block %u behind %u", number, x->last);
        return XM_CAN;
    }
    if (x->n + n > sizeof x->image) {
        broken("the MCU is sent more than any image has");
        return XM_CAN;
    }
    memcpy(x->image + x->n, x->block + 3, n);
    x->n += n;
    x->last = number;
    x->was_away = false;
    return XM_ACK;
}

uint8_t xmodem_take(struct xmodem *x, uint8_t byte)
{
    uint8_t answer;

    x->heard_us = W.now_us;
    if (x->want == 0) {
        if (byte == XM_EOT && x->n > 0) {
            x->on = false;
            x->done = true;
            return XM_ACK;
        }
        if (byte != XM_SOH && byte != XM_STX)
            return 0;
        x->want = 3 + (byte == XM_SOH ? 128 : 1024) + (x->crc ? 2 : 1);
        x->n_block = 0;
    }
    x->block[x->n_block++] = byte;
    if (x->n_block < x->want)
        return 0;
    answer = take_block(x);
    x->want = x->n_block = 0;
    return answer;
}

bool xmodem_has(const struct xmodem *x, const void *image, size_t n)
{
    if (x->n <= n || memcmp(x->image, image, n) != 0 || x->image[n] != 0x1a)
        return false;
    for (size_t i = n + 1; i < x->n; i++)
        if (x->image[i] != 0xff)
            return false;
    return true;
}
