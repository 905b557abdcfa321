/* SPDX-License-Identifier: MIT */
/*
 * Decimal digits, eight at a time where a register holds as many in the right order: how many stand at the start of p, and
 * what eight of them are worth. Ids have ten digits, so this is a good part of what routing a text costs.
 */
#ifndef AG_DIGIT_RUN_H
#define AG_DIGIT_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && SIZE_MAX > UINT32_MAX

/* A high bit in each byte that is no digit. A carry can only reach a byte above one that is flagged by itself. */
static inline uint64_t ag_digit_misses(uint64_t w)
{
    w ^= 0x3030303030303030ull; /* digits become 0..9 */
    return ((w + 0x7676767676767676ull) | w) & 0x8080808080808080ull;
}

static inline size_t ag_digit_run(const char *p, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t w;

        memcpy(&w, p + i, 8);
        w = ag_digit_misses(w);
        if (w)
            return i + (size_t) (__builtin_ctzll(w) / 8);
    }
    while (i < n && (unsigned char) (p[i] - '0') <= 9)
        i++;
    return i;
}

/* Value of eight characters; -1 when one of them is no digit. Pairs, then fours, then all are joined. */
static inline int64_t ag_digits8(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8);
    if (ag_digit_misses(w))
        return -1;
    w = (w & 0x0f0f0f0f0f0f0f0full) * 2561 >> 8;
    w = (w & 0x00ff00ff00ff00ffull) * 6553601 >> 16;
    return (int64_t) ((w & 0x0000ffff0000ffffull) * 42949672960001ull >> 32);
}

#else

static inline size_t ag_digit_run(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && (unsigned char) (p[i] - '0') <= 9)
        i++;
    return i;
}

static inline int64_t ag_digits8(const char *p)
{
    int64_t v = 0;

    if (ag_digit_run(p, 8) < 8)
        return -1;
    for (int i = 0; i < 8; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

#endif

#endif
