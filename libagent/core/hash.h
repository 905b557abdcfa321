/* SPDX-License-Identifier: MIT */
/* FNV-1a of 64 bits: quick, but not for texts that an attacker could choose so that two collide. */
#ifndef AG_HASH_H
#define AG_HASH_H

#include <stddef.h>
#include <stdint.h>

#define AG_HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* h: AG_HASH_BEGIN, or the hash of what comes before. */
static inline uint64_t ag_hash(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
