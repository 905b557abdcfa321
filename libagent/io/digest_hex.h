/* SPDX-License-Identifier: MIT */
/* What the implementations of digest.h share. */
#ifndef AG_DIGEST_HEX_H
#define AG_DIGEST_HEX_H

#include "libagent/core/text/hex.h"
#include "libagent/io/digest.h"

/* False: longer than any sum of digest.h. */
static inline bool ag_digest_hex(const unsigned char *sum, size_t n, char hex[AG_DIGEST_HEX])
{
    if (2 * n >= AG_DIGEST_HEX)
        return false;
    ag_hex(hex, sum, n);
    return true;
}

#endif
