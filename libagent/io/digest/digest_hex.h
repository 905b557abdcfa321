/* SPDX-License-Identifier: MIT */
/* What the implementations of digest.h share. */
#ifndef AG_DIGEST_HEX_H
#define AG_DIGEST_HEX_H

#include <stdbool.h>
#include "libagent/core/text/hex.h"

/* False: hex has no room for it. */
static inline bool ag_digest_hex(const unsigned char *sum, size_t n, char *hex, size_t size)
{
    if (2 * n >= size)
        return false;
    ag_hex(hex, sum, n);
    return true;
}

#endif
