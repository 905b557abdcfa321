/* SPDX-License-Identifier: MIT */
#include "libagent/text/number.h"

#include <errno.h>
#include <stdbool.h>

enum { EXPONENT_MAX = 100000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the 'e'. Bounded: beyond that the exact number makes no difference. */
static long read_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    long e = 0;

    if (p < end && !is_digit(*p))
        p++;
    for (; p < end && e < EXPONENT_MAX; p++)
        e = e * 10 + (*p - '0');
    return negative ? -e : e;
}

/* false: beyond 64 bits. Zero stays zero, however many zeros follow it. */
static bool times_ten(uint64_t *v, long times)
{
    for (; *v > 0 && times > 0; times--) {
        if (*v > UINT64_MAX / 10)
            return false;
        *v *= 10;
    }
    return true;
}

/*
 * The digits are taken as one whole number with exponent tens behind it: digits behind the point count the exponent
 * down. Zeros at the end are set aside and taken only when another digit follows, so that 50.0 and 1.00e1 stay small.
 */
int ag_number_whole(struct ag_span raw, bool *negative_out, uint64_t *size_out)
{
    const char *p = raw.p, *end = raw.p + raw.len, *mark = p;
    long exponent = 0, zeros = 0;
    bool behind_point = false;
    uint64_t v = 0;

    while (mark < end && *mark != 'e' && *mark != 'E')
        mark++;
    if (mark < end)
        exponent = read_exponent(mark + 1, end);
    if (*p == '-')
        p++;
    for (; p < mark; p++) {
        if (*p == '.') {
            behind_point = true;
            continue;
        }
        exponent -= behind_point;
        zeros++;
        if (*p == '0')
            continue;
        if (!times_ten(&v, zeros) || v > UINT64_MAX - (unsigned) (*p - '0'))
            return -ERANGE;
        v += (unsigned) (*p - '0');
        zeros = 0;
    }
    exponent += zeros;
    if (!times_ten(&v, exponent))
        return -ERANGE;
    if (v > 0 && exponent < 0)
        return -EBADMSG;
    *negative_out = *raw.p == '-' && v > 0;
    *size_out = v;
    return 0;
}
