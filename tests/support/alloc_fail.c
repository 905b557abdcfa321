/* SPDX-License-Identifier: MIT */
#include "tests/support/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

/* volatile: a compiler that sees the whole program takes malloc() for a function that changes no variable */
static volatile unsigned long left; /* 0: off */
static volatile bool reached;

void alloc_fail_at(unsigned long n)
{
    left = n;
    reached = false;
}

bool alloc_fail_reached(void)
{
    return reached;
}

static bool fails(void)
{
    if (left == 0)
        return false;
    left = left - 1;
    if (left > 0)
        return false;
    reached = true;
    errno = ENOMEM; /* as the real ones do */
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t k, size_t n)
{
    return fails() ? NULL : __real_calloc(k, n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = __wrap_malloc(n);

    return copy ? memcpy(copy, s, n) : NULL;
}

void alloc_fail_sweep(void (*fn)(void *user), void *user)
{
    for (unsigned long n = 1; n < 1000000; n++) {
        bool hit;

        alloc_fail_at(n);
        fn(user);
        hit = reached;
        alloc_fail_at(0);
        if (!hit)
            return;
    }
    abort(); /* the sweep has no end: fn loops on a failed allocation */
}
