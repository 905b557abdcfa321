/* SPDX-License-Identifier: MIT */
/* Memory: malloc() and its like, from the heap of the process. */
#include "tests/world/kernel/calls/wrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

WRAP(void *, malloc, size_t n)
{
    struct proc *p = proc_now();
    void *at = p ? heap_alloc(p, n, false) : malloc(n);

    if (!at)
        errno = ENOMEM;
    return at;
}

WRAP(void *, calloc, size_t n, size_t m)
{
    struct proc *p = proc_now();
    void *at = NULL;
    size_t all;

    if (!__builtin_mul_overflow(n, m, &all))
        at = p ? heap_alloc(p, all, true) : calloc(n, m);
    if (!at)
        errno = ENOMEM;
    return at;
}

WRAP(void, free, void *at)
{
    if (heap_owns(at))
        heap_free(at);
    else
        free(at);
}

WRAP(void *, realloc, void *at, size_t n)
{
    struct proc *p = proc_now();
    void *fresh;

    if (!at)
        return __wrap_malloc(n);
    if (!heap_owns(at))
        return realloc(at, n);
    fresh = heap_realloc(p, at, n);
    if (!fresh)
        errno = ENOMEM;
    return fresh;
}

WRAP(char *, strndup, const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    char *copy = __wrap_malloc(n + 1);

    if (copy) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}

WRAP(char *, strdup, const char *s)
{
    return __wrap_strndup(s, SIZE_MAX);
}

WRAP(int, asprintf, char **out, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    *out = __wrap_strdup(text);
    return *out ? n : -1;
}

WRAP(int, mallopt, int a, int b)
{
    (void) a;
    (void) b;
    return 1;
}

WRAP(void *, mmap64, void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    void *p = __wrap_calloc(1, n);

    (void) at;
    (void) prot;
    (void) off;
    (void) flags;
    if (fd != -1)
        abort(); /* no program maps files */
    return p ? p : (void *) -1;
}

WRAP(void *, mmap, void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    return __wrap_mmap64(at, n, prot, flags, fd, off);
}

WRAP(int, munmap, void *at, size_t n)
{
    (void) n;
    __wrap_free(at);
    return 0;
}

WRAP(int, madvise, void *at, size_t n, int advice)
{
    (void) at;
    (void) n;
    (void) advice;
    return 0;
}
