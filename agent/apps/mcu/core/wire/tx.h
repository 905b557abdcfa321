/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wait to be written to the serial line. A fixed store: replying never needs memory. The bridge
 * takes input only while there is room for the largest reply, so the peer's own flow control holds back a
 * flood.
 */
#ifndef MCU_TX_H
#define MCU_TX_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum { MCU_TX_SIZE = 8192, MCU_TX_REPLY_MAX = 2048 };

struct mcu_tx {
    char data[MCU_TX_SIZE];
    size_t off, len;
};

static inline void mcu_tx_init(struct mcu_tx *tx)
{
    tx->off = tx->len = 0;
}

static inline struct ag_span mcu_tx_bytes(const struct mcu_tx *tx)
{
    return (struct ag_span){tx->data + tx->off, tx->len - tx->off};
}

/* n bytes were written. */
static inline void mcu_tx_consume(struct mcu_tx *tx, size_t n)
{
    tx->off += n;
    if (tx->off == tx->len)
        mcu_tx_init(tx);
}

/* True when a whole reply and its echo fit; makes the room if it can. */
bool mcu_tx_has_room(struct mcu_tx *tx);

/* Appends what fits; MCU_TX_REPLY_MAX bytes always do after mcu_tx_has_room(). */
void mcu_tx_put(struct mcu_tx *tx, const void *p, size_t n);
void mcu_tx_printf(struct mcu_tx *tx, const char *fmt, ...) ag_printf_like(2, 3);

#endif
