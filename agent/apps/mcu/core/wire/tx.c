/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/wire/tx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool mcu_tx_has_room(struct mcu_tx *tx)
{
    if (sizeof tx->data - tx->len < 2 * MCU_TX_REPLY_MAX && tx->off > 0) {
        memmove(tx->data, tx->data + tx->off, tx->len - tx->off);
        tx->len -= tx->off;
        tx->off = 0;
    }
    return sizeof tx->data - tx->len >= 2 * MCU_TX_REPLY_MAX;
}

void mcu_tx_put(struct mcu_tx *tx, const void *p, size_t n)
{
    size_t room = sizeof tx->data - tx->len;

    if (n > room)
        n = room;
    memcpy(tx->data + tx->len, p, n);
    tx->len += n;
}

void mcu_tx_printf(struct mcu_tx *tx, const char *fmt, ...)
{
    char text[MCU_TX_REPLY_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        mcu_tx_put(tx, text, (size_t) n < sizeof text ? (size_t) n : sizeof text - 1);
}
