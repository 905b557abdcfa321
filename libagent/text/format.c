/* SPDX-License-Identifier: MIT */
#include "libagent/text/format.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include "libagent/core/text/double.h"

enum { DIGITS_MAX = 512 }; /* DBL_MAX by %.99f */

/* One conversion, taken apart: %[.precision][length]type */
struct conv {
    int precision; /* -1: none */
    char length;   /* 0, 'l', 'q' (ll), 'z', 'j' */
    char type;
};

/* Behind the '%'. NULL: not one of ours. A '*' is read from ap here, where it is. */
static const char *read_conv(struct conv *v, const char *p, va_list *ap)
{
    *v = (struct conv){.precision = -1};
    if (*p == '.') {
        p++;
        v->precision = 0;
        if (*p == '*') {
            v->precision = va_arg(*ap, int);
            p++;
        }
        while (*p >= '0' && *p <= '9' && v->precision < 100000)
            v->precision = v->precision * 10 + (*p++ - '0');
    }
    if (p[0] == 'l' && p[1] == 'l') {
        v->length = 'q';
        p += 2;
    } else if (*p == 'l' || *p == 'z' || *p == 'j') {
        v->length = *p++;
    }
    v->type = *p;
    return *p ? p + 1 : NULL;
}

static intmax_t signed_arg(char length, va_list *ap)
{
    switch (length) {
    case 'l':
        return va_arg(*ap, long);
    case 'q':
        return va_arg(*ap, long long);
    case 'z':
        return va_arg(*ap, ptrdiff_t);
    case 'j':
        return va_arg(*ap, intmax_t);
    default:
        return va_arg(*ap, int);
    }
}

static uintmax_t unsigned_arg(char length, va_list *ap)
{
    switch (length) {
    case 'l':
        return va_arg(*ap, unsigned long);
    case 'q':
        return va_arg(*ap, unsigned long long);
    case 'z':
        return va_arg(*ap, size_t);
    case 'j':
        return va_arg(*ap, uintmax_t);
    default:
        return va_arg(*ap, unsigned);
    }
}

static int append_double(struct ag_buf *out, const struct conv *v, double d)
{
    char digits[DIGITS_MAX], form[5];

    if (!isfinite(d) || v->precision > 99)
        return -EINVAL;
    if (v->precision < 0)
        return ag_buf_append(out, digits, ag_double_print(d, false, digits));
    memcpy(form, (char[]){'%', '.', '*', v->type, '\0'}, sizeof form);
    snprintf(digits, sizeof digits, form, v->precision, d);
    ag_double_fix_point(digits);
    return ag_buf_append_str(out, digits);
}

static int append_string(struct ag_buf *out, const struct conv *v, const char *s)
{
    if (!s)
        return ag_buf_append_str(out, "null");
    return ag_buf_append_json_str(out, s, v->precision < 0 ? strlen(s) : strnlen(s, (size_t) v->precision));
}

static int append_conv(struct ag_buf *out, const struct conv *v, va_list *ap)
{
    bool is_int = v->type == 'd' || v->type == 'i' || v->type == 'u';
    const char *s;

    if (v->length && !is_int)
        return -EINVAL;
    if (v->precision >= 0 && !strchr("sfge", v->type))
        return -EINVAL;
    switch (v->type) {
    case 's':
        return append_string(out, v, va_arg(*ap, const char *));
    case 'd':
    case 'i':
        return ag_buf_printf(out, "%" PRIdMAX, signed_arg(v->length, ap));
    case 'u':
        return ag_buf_printf(out, "%" PRIuMAX, unsigned_arg(v->length, ap));
    case 'f':
    case 'g':
    case 'e':
        return append_double(out, v, va_arg(*ap, double));
    case 'c':
        return ag_buf_append_str(out, va_arg(*ap, int) ? "true" : "false");
    case 'p':
        s = va_arg(*ap, const char *);
        return ag_buf_append_str(out, s ? s : "null");
    case '%':
        return ag_buf_append_char(out, '%');
    default:
        return -EINVAL;
    }
}

int ag_format_json(struct ag_buf *out, const char *format, va_list ap)
{
    va_list args;
    int r = 0;

    va_copy(args, ap);
    while (r == 0 && *format) {
        const char *percent = strchr(format, '%');
        size_t n = percent ? (size_t) (percent - format) : strlen(format);
        struct conv v;

        r = ag_buf_append(out, format, n);
        format += n;
        if (r < 0 || !percent)
            continue;
        format = read_conv(&v, format + 1, &args);
        r = format ? append_conv(out, &v, &args) : -EINVAL;
    }
    va_end(args);
    return r;
}
