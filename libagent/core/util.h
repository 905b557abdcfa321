/* SPDX-License-Identifier: MIT */
/* Small helpers that every part of the tree uses. Header only; no state. */
#ifndef AG_UTIL_H
#define AG_UTIL_H

#include <stddef.h>
#include <stdint.h>

/* Runs fn(&var) when the variable leaves its scope. fn takes a pointer to the variable. */
#define ag_cleanup(fn) __attribute__((cleanup(fn)))

/* Hands over what a cleanup variable holds: the variable is NULL afterwards. */
#define ag_steal(var)                                                                                                            \
    ({                                                                                                                           \
        __typeof__(*(var)) ag_steal_ = *(var);                                                                                   \
        *(var) = NULL;                                                                                                           \
        ag_steal_;                                                                                                               \
    })

#define ag_container_of(ptr, type, member) ((type *) (void *) ((char *) (ptr) -offsetof(type, member)))
#define ag_array_size(a)                   (sizeof(a) / sizeof((a)[0]))

#define ag_printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* Borrowed bytes; not terminated by a NUL. */
struct ag_span {
    const char *p;
    size_t len;
};

#define AG_SPAN(literal) ((struct ag_span){(literal), sizeof(literal) - 1})

static inline _Bool ag_span_is(struct ag_span s, const char *text, size_t len)
{
    return s.len == len && __builtin_memcmp(s.p, text, len) == 0;
}

/* ag_span_eq(span, "literal"); nothing but a literal compiles. */
#define ag_span_eq(span, literal) ag_span_is((span), "" literal, sizeof("" literal) - 1)

#endif
