/* SPDX-License-Identifier: MIT */
#include "client/report/core/crc32.h"

/*
 * Four bytes a step, by four tables: of a byte that 0, 1, 2 or 3 others follow. The remainder of a sum is the sum of the
 * remainders, so each table is here as those of its eight bits, the lowest first. They are constant: no memory but the
 * file's.
 */
#define BIT(i, b, r) ((i) >> (b) &1 ? UINT32_C(r) : 0)
#define T0(i)                                                                                                                    \
    (BIT(i, 0, 0x77073096) ^ BIT(i, 1, 0xee0e612c) ^ BIT(i, 2, 0x076dc419) ^ BIT(i, 3, 0x0edb8832) ^ BIT(i, 4, 0x1db71064) ^     \
     BIT(i, 5, 0x3b6e20c8) ^ BIT(i, 6, 0x76dc4190) ^ BIT(i, 7, 0xedb88320))
#define T1(i)                                                                                                                    \
    (BIT(i, 0, 0x191b3141) ^ BIT(i, 1, 0x32366282) ^ BIT(i, 2, 0x646cc504) ^ BIT(i, 3, 0xc8d98a08) ^ BIT(i, 4, 0x4ac21251) ^     \
     BIT(i, 5, 0x958424a2) ^ BIT(i, 6, 0xf0794f05) ^ BIT(i, 7, 0x3b83984b))
#define T2(i)                                                                                                                    \
    (BIT(i, 0, 0x01c26a37) ^ BIT(i, 1, 0x0384d46e) ^ BIT(i, 2, 0x0709a8dc) ^ BIT(i, 3, 0x0e1351b8) ^ BIT(i, 4, 0x1c26a370) ^     \
     BIT(i, 5, 0x384d46e0) ^ BIT(i, 6, 0x709a8dc0) ^ BIT(i, 7, 0xe1351b80))
#define T3(i)                                                                                                                    \
    (BIT(i, 0, 0xb8bc6765) ^ BIT(i, 1, 0xaa09c88b) ^ BIT(i, 2, 0x8f629757) ^ BIT(i, 3, 0xc5b428ef) ^ BIT(i, 4, 0x5019579f) ^     \
     BIT(i, 5, 0xa032af3e) ^ BIT(i, 6, 0x9b14583d) ^ BIT(i, 7, 0xed59b63b))

#define FOUR(t, i)       t(i), t((i) + 1), t((i) + 2), t((i) + 3)
#define SIXTEEN(t, i)    FOUR(t, i), FOUR(t, (i) + 4), FOUR(t, (i) + 8), FOUR(t, (i) + 12)
#define SIXTY_FOUR(t, i) SIXTEEN(t, i), SIXTEEN(t, (i) + 16), SIXTEEN(t, (i) + 32), SIXTEEN(t, (i) + 48)
#define ALL(t)           SIXTY_FOUR(t, 0), SIXTY_FOUR(t, 64), SIXTY_FOUR(t, 128), SIXTY_FOUR(t, 192)

static const uint32_t table[4][256] = {{ALL(T0)}, {ALL(T1)}, {ALL(T2)}, {ALL(T3)}};

static uint32_t word(const uint8_t *b)
{
    return (uint32_t) b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 | (uint32_t) b[3] << 24;
}

uint32_t crc32_add(uint32_t crc, const void *p, size_t n)
{
    const uint8_t *b = p;

    crc = ~crc;
    for (; n >= 4; n -= 4, b += 4) {
        crc ^= word(b);
        crc = table[3][crc & 255] ^ table[2][crc >> 8 & 255] ^ table[1][crc >> 16 & 255] ^ table[0][crc >> 24];
    }
    for (; n > 0; n--, b++)
        crc = crc >> 8 ^ table[0][(crc ^ *b) & 255];
    return ~crc;
}
