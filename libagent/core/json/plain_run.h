/* SPDX-License-Identifier: MIT */
/*
 * The scanner's inner loop: how many bytes at the start of p are plain text inside a JSON string, that is,
 * not a quote, a backslash, a control byte or part of a multi-byte character. One variant for each platform,
 * with the same results.
 */
#ifndef AG_PLAIN_RUN_H
#define AG_PLAIN_RUN_H

#include <stdint.h>
#include <string.h>

static inline size_t ag_plain_run_bytes(const char *p, size_t from, size_t n)
{
    size_t i = from;

    for (; i < n; i++) {
        unsigned char c = (unsigned char) p[i];

        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80)
            break;
    }
    return i;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/*
 * As many bytes at a time as a register holds: the top bit of a byte is set in hit for b < 0x20, b == '"', b == '\\',
 * b >= 0x80. A borrow can only flag bytes above a true hit, so the lowest flag is exact.
 */
static inline size_t ag_plain_run_words(const char *p, size_t from, size_t n)
{
    static const size_t ones = SIZE_MAX / 0xff, tops = SIZE_MAX / 0xff * 0x80;
    size_t i = from;

    for (; i + sizeof ones <= n; i += sizeof ones) {
        size_t w, hit;

        memcpy(&w, p + i, sizeof w);
        hit = (w | (w - ones * 0x20) | ((w ^ (ones * '"')) - ones) | ((w ^ (ones * '\\')) - ones)) & tops;
        if (hit)
            return i + (size_t) (__builtin_ctzl(hit) / 8);
    }
    return ag_plain_run_bytes(p, i, n);
}
#else
static inline size_t ag_plain_run_words(const char *p, size_t from, size_t n)
{
    return ag_plain_run_bytes(p, from, n);
}
#endif

#if defined(__SSE2__)
#include <emmintrin.h>

/* Sixteen bytes at a time. A signed compare finds control bytes and bytes above 0x7f at once. */
static inline size_t ag_plain_run(const char *p, size_t n)
{
    size_t i = 0;

    for (; n - i >= 16; i += 16) {
        __m128i w = _mm_loadu_si128((const __m128i *) (const void *) (p + i));
        __m128i hit = _mm_or_si128(_mm_cmplt_epi8(w, _mm_set1_epi8(0x20)),
                                   _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')), _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'))));
        unsigned mask = (unsigned) _mm_movemask_epi8(hit);

        if (mask)
            return i + (size_t) __builtin_ctz(mask);
    }
    return ag_plain_run_words(p, i, n);
}
#else
static inline size_t ag_plain_run(const char *p, size_t n)
{
    return ag_plain_run_words(p, 0, n);
}
#endif

#endif
