/* SPDX-License-Identifier: MIT */
/* Standard output and error; there are no other streams. */
#include "tests/world/kernel/calls/wrap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

void print_bytes(const char *p, size_t n)
{
    static char lines[PROCS_MAX][1024];
    static size_t used[PROCS_MAX];
    struct proc *me = proc_now();
    int i = me->index;

    for (; n > 0; p++, n--) {
        if (*p == '\n' || used[i] == sizeof lines[0] - 1) {
            lines[i][used[i]] = '\0';
            used[i] = 0;
            if (W.on_line)
                W.on_line(me, lines[i]);
        } else {
            lines[i][used[i]++] = *p;
        }
    }
}

WRAP(int, vfprintf, FILE *f, const char *fmt, va_list ap)
{
    char text[2048];
    int n = vsnprintf(text, sizeof text, fmt, ap);

    (void) f;
    print_bytes(text, n < (int) sizeof text ? (size_t) n : sizeof text - 1);
    return n;
}

WRAP(int, vprintf, const char *fmt, va_list ap)
{
    return __wrap_vfprintf(stdout, fmt, ap);
}

WRAP(int, fprintf, FILE *f, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = __wrap_vfprintf(f, fmt, ap);
    va_end(ap);
    return n;
}

WRAP(int, printf, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = __wrap_vfprintf(stdout, fmt, ap);
    va_end(ap);
    return n;
}

WRAP(int, fputs, const char *s, FILE *f)
{
    (void) f;
    print_bytes(s, strlen(s));
    return 0;
}

WRAP(int, puts, const char *s)
{
    print_bytes(s, strlen(s));
    print_bytes("\n", 1);
    return 0;
}

WRAP(int, fputc, int c, FILE *f)
{
    char b = (char) c;

    (void) f;
    print_bytes(&b, 1);
    return c;
}

WRAP(int, putchar, int c)
{
    return __wrap_fputc(c, stdout);
}

WRAP(size_t, fwrite, const void *p, size_t size, size_t n, FILE *f)
{
    (void) f;
    print_bytes(p, size * n);
    return n;
}
