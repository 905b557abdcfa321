/* SPDX-License-Identifier: MIT */
/* What the implementations of digest.h share. */
#ifndef AG_DIGEST_HEX_H
#define AG_DIGEST_HEX_H

#include "libagent/io/digest.h"

/* False: longer than any sum of digest.h. */
static inline bool ag_digest_hex(const unsigned char *sum, size_t n, char hex[AG_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";

    if (2 * n >= AG_DIGEST_HEX)
        return false;
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
    hex[2 * n] = '\0';
    return true;
}

#endif
