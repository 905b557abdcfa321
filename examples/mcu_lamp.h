/* SPDX-License-Identifier: MIT */
/*
 * The MCU's side of the MIoT serial line, for firmware: a lamp with a switch and a brightness. Plain C99, no
 * heap, no printf, no float; about 700 bytes of RAM. The board supplies the two functions at the end.
 *
 *     mcu_lamp_init();
 *     for (;;) {
 *         while (uart_has_byte())
 *             mcu_lamp_byte(uart_get_byte());
 *         mcu_lamp_poll();
 *     }
 */
#ifndef MCU_LAMP_H
#define MCU_LAMP_H

#include <stdint.h>

/* Begins: tells model and version, then asks get_down every 200 ms. */
void mcu_lamp_init(void);
/* One byte that came over the line. May be called from the main loop only. */
void mcu_lamp_byte(char c);
/* Does what is due; call at least every 50 ms. */
void mcu_lamp_poll(void);
/* A key on the device was pressed: switches, reports the property and the event. */
void mcu_lamp_key(void);

/* Of the board: milliseconds since power-up (may wrap), and n bytes to the line. */
uint32_t board_millis(void);
void board_write(const char *p, unsigned n);

#endif
