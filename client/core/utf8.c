#include "client/core/utf8.h"

/* Length of a character by its first byte and the bounds of its second one; 0: no character begins so. */
static unsigned first_byte(uint8_t c, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef) {
        if (c == 0xe0)
            *low = 0xa0;
        if (c == 0xed)
            *high = 0x9f;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (c == 0xf0)
            *low = 0x90;
        if (c == 0xf4)
            *high = 0x8f;
        return 4;
    }
    return 0;
}

bool utf8_valid(struct ag_span s)
{
    const uint8_t *p = (const uint8_t *) s.p;

    for (size_t i = 0; i < s.len;) {
        uint8_t low, high;
        unsigned n = first_byte(p[i], &low, &high);

        if (n == 0 || n > s.len - i)
            return false;
        for (unsigned k = 1; k < n; k++) {
            if (p[i + k] < low || p[i + k] > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
        i += n;
    }
    return true;
}

size_t utf8_cut(struct ag_span s, size_t max)
{
    size_t n = max;

    if (s.len <= max)
        return s.len;
    while (n > 0 && ((uint8_t) s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}
