/* SPDX-License-Identifier: MIT */
#include "libagent/core/text/double.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCAL_MAX = 80 };

/* Between the two digits of "0.5" is the decimal point of the application's locale. */
static size_t locale_point(char out[16])
{
    char probe[16];
    size_t n = (size_t) snprintf(probe, sizeof probe, "%.1f", 0.5) - 2;

    memcpy(out, probe + 1, n);
    return n;
}

int ag_double_read(struct ag_span text, double *out)
{
    char local[LOCAL_MAX], point[16], *copy = local;
    const char *dot = memchr(text.p, '.', text.len);
    size_t lead = dot ? (size_t) (dot - text.p) : text.len, at = lead;

    if (text.len + sizeof point >= sizeof local && !(copy = malloc(text.len + sizeof point + 1)))
        return -ENOMEM;
    memcpy(copy, text.p, lead);
    if (dot) {
        size_t n = locale_point(point), rest = text.len - lead - 1;

        memcpy(copy + at, point, n);
        memcpy(copy + at + n, dot + 1, rest);
        at += n + rest;
    }
    copy[at] = '\0';
    *out = strtod(copy, NULL); /* strtod() wants that point */
    if (copy != local)
        free(copy);
    return 0;
}

void ag_double_fix_point(char *text)
{
    char *from = text + strspn(text, "+-0123456789"), *to = from;

    if (*from == '\0' || *from == 'e')
        return;
    while (*to && (*to < '0' || *to > '9'))
        to++;
    *from++ = '.';
    memmove(from, to, strlen(to) + 1);
}

size_t ag_double_print(double v, bool single, char out[AG_DOUBLE_TEXT])
{
    int digits = single ? FLT_DIG : DBL_DIG, most = single ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;

    if (fabs(v) < (single ? (double) FLT_MIN : DBL_MIN)) /* only normal numbers keep so many digits */
        digits = 1;
    for (;; digits++) {
        snprintf(out, AG_DOUBLE_TEXT, "%.*g", digits, v);
        if (digits >= most || (single ? strtof(out, NULL) == (float) v : strtod(out, NULL) == v))
            break;
    }
    ag_double_fix_point(out);
    return strlen(out);
}
