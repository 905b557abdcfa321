/* SPDX-License-Identifier: MIT */
/* How a call of wrapped.txt is defined. */
#ifndef WORLD_WRAP_H
#define WORLD_WRAP_H

#include <errno.h>
#include <stddef.h>

#define WRAP(type, name, ...)                                                                                                    \
    type __wrap_##name(__VA_ARGS__);                                                                                             \
    type __wrap_##name(__VA_ARGS__)

/* r, or -1 with errno. */
static inline long done(long r)
{
    if (r >= 0)
        return r;
    errno = (int) -r;
    return -1;
}

/* What calls of one kind need of another. */
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);
void print_bytes(const char *p, size_t n); /* to standard output or error */

#endif
