/* SPDX-License-Identifier: MIT */
/* The checksum of the store's file: CRC-32 as in Ethernet and zip (polynomial 0x04c11db7, reflected). */
#ifndef CLIENT_CRC32_H
#define CLIENT_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 for the first piece, what the last call gave for the next. */
uint32_t crc32_add(uint32_t crc, const void *p, size_t n);

#endif
