#include "client/core/utf8.h"

#include "libagent/core/utf8.h"

bool utf8_valid(struct ag_span s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = ag_utf8_len(s.p + i, s.len - i);

        if (n == 0)
            return false;
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
