/* SPDX-License-Identifier: MIT */
#include "libagent/model/core/number.h"

#include <inttypes.h>
#include <stdio.h>

enum { DIGITS_MAX = 19, EXPONENT_MAX = 100000 }; /* 19 digits always fit into 64 bits */

/* value = digits * 10^exponent, and a little more when `more` */
struct parts {
    uint64_t digits;
    long exponent;
    bool negative, more;
};

static const char *read_exponent(const char *p, const char *end, long *exponent)
{
    bool negative = false;
    long e = 0;

    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        e = e < EXPONENT_MAX ? e * 10 + (*p - '0') : e;
    *exponent += negative ? -e : e;
    return p;
}

static struct parts split(struct ag_span raw)
{
    struct parts n = {0, 0, false, false};
    const char *p = raw.p, *end = raw.p + raw.len;
    unsigned n_digits = 0;
    bool fraction = false;

    if (p < end && *p == '-') {
        n.negative = true;
        p++;
    }
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (n_digits < DIGITS_MAX) {
            n.digits = n.digits * 10 + (uint64_t) (*p - '0');
            n_digits += n.digits > 0;
            n.exponent -= fraction;
        } else {
            n.more = n.more || *p != '0';
            n.exponent += !fraction;
        }
    }
    if (p < end)
        read_exponent(p + 1, end, &n.exponent);
    while (n.digits > 0 && n.digits % 10 == 0 && !n.more) {
        n.digits /= 10;
        n.exponent++;
    }
    return n;
}

/* digits / 10^shift, rounded. */
static uint64_t shrink(struct parts *n, long shift)
{
    uint64_t v = n->digits, last = 0;

    for (; shift > 0 && (v > 0 || last > 0); shift--) {
        n->more = n->more || last > 0;
        last = v % 10;
        v /= 10;
    }
    n->more = n->more || last > 0;
    return shift == 0 && last >= 5 ? v + 1 : v;
}

int ag_model_number_read(struct ag_span raw, unsigned scale, int64_t *units_out, bool *exact_out)
{
    struct parts n = split(raw);
    long shift = n.exponent + (long) scale;
    uint64_t v;

    if (shift <= 0) {
        v = shrink(&n, -shift);
    } else {
        for (v = n.digits; shift > 0 && v > 0; shift--)
            if (__builtin_mul_overflow(v, (uint64_t) 10, &v))
                return MODEL_E_NUMBER_RANGE;
    }
    if (v > (uint64_t) INT64_MAX + n.negative)
        return MODEL_E_NUMBER_RANGE;
    *units_out = (int64_t) (n.negative ? 0 - v : v);
    *exact_out = !n.more;
    return 0;
}

unsigned ag_model_number_scale(struct ag_span raw)
{
    struct parts n = split(raw);

    if (n.more || n.exponent < -MODEL_SCALE_MAX)
        return MODEL_SCALE_MAX + 1;
    return n.digits == 0 || n.exponent >= 0 ? 0 : (unsigned) -n.exponent;
}

static uint64_t power_of_ten(unsigned scale)
{
    uint64_t power = 1;

    while (scale-- > 0)
        power *= 10;
    return power;
}

size_t ag_model_number_write(int64_t units, unsigned scale, char out[MODEL_NUMBER_TEXT])
{
    uint64_t v = units < 0 ? -(uint64_t) units : (uint64_t) units, power;
    const char *sign = units < 0 ? "-" : "";

    while (scale > 0 && v % 10 == 0) {
        v /= 10;
        scale--;
    }
    if (scale == 0)
        return (size_t) snprintf(out, MODEL_NUMBER_TEXT, "%s%" PRIu64, sign, v);
    power = power_of_ten(scale);
    return (size_t) snprintf(out, MODEL_NUMBER_TEXT, "%s%" PRIu64 ".%0*" PRIu64, sign, v / power, (int) scale, v % power);
}

double ag_model_number_power(unsigned scale)
{
    return (double) power_of_ten(scale);
}

double ag_model_number_double(int64_t units, unsigned scale)
{
    return (double) units / ag_model_number_power(scale); /* both exact up to 2^53: the quotient is the nearest double */
}
