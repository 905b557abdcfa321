/* SPDX-License-Identifier: MIT */
#include "libagent/core/utf8.h"

/* Table 3-7 of Unicode. */
size_t ag_utf8_len(const char *p, size_t n)
{
    const unsigned char *s = (const unsigned char *) p;
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len > n)
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return len;
}

bool ag_utf8_valid(struct ag_span s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = ag_utf8_len(s.p + i, s.len - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t ag_utf8_cut(struct ag_span s, size_t max)
{
    size_t n = max;

    if (s.len <= max)
        return s.len;
    while (n > 0 && ((uint8_t) s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}
