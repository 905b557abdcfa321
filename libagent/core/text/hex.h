/* SPDX-License-Identifier: MIT */
#ifndef AG_HEX_H
#define AG_HEX_H

#include <stddef.h>

/* n bytes as 2 * n lower-case digits and a NUL. */
static inline void ag_hex(char *out, const void *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = p;

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[byte[i] >> 4];
        *out++ = digits[byte[i] & 15];
    }
    *out = '\0';
}

#endif
