/* SPDX-License-Identifier: MIT */
/*
 * A growable byte buffer with a read position: bytes are appended at the end and consumed at the front.
 * Invariant: off <= len <= cap; data is NULL only while cap is 0. No terminating NUL is kept.
 */
#ifndef AG_BUF_H
#define AG_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include "libagent/core/util.h"

struct ag_buf {
    char *data;
    size_t off; /* consumed so far */
    size_t len; /* end of the valid bytes, counted from data */
    size_t cap;
    bool secret; /* storage is wiped before it is given back, when it grows too */
};

#define AG_BUF_INIT                                                                                                              \
    {                                                                                                                            \
        NULL, 0, 0, 0, false                                                                                                     \
    }
#define AG_BUF_SECRET_INIT                                                                                                       \
    {                                                                                                                            \
        NULL, 0, 0, 0, true                                                                                                      \
    }

static inline void ag_buf_init(struct ag_buf *b)
{
    *b = (struct ag_buf) AG_BUF_INIT;
}

/* Frees the storage; the buffer is empty and usable afterwards, a secret one stays one. Fits ag_cleanup(). */
void ag_buf_deinit(struct ag_buf *b);

/* Overwrites the whole storage, of any buffer, and keeps it; the buffer is empty. */
void ag_buf_wipe(struct ag_buf *b);

/* Room for n more bytes after len. 0 or -ENOMEM (the buffer is unchanged then). */
int ag_buf_reserve(struct ag_buf *b, size_t n);

static inline size_t ag_buf_size(const struct ag_buf *b)
{
    return b->len - b->off;
}

static inline const char *ag_buf_head(const struct ag_buf *b)
{
    return b->data ? b->data + b->off : NULL; /* C knows no NULL + 0 */
}

static inline struct ag_span ag_buf_span(const struct ag_buf *b)
{
    return (struct ag_span){b->data ? b->data + b->off : "", ag_buf_size(b)};
}

static inline void ag_buf_clear(struct ag_buf *b)
{
    b->off = b->len = 0;
}

/* Drops n bytes at the front; n <= ag_buf_size(). */
static inline void ag_buf_consume(struct ag_buf *b, size_t n)
{
    b->off += n;
    if (b->off == b->len)
        ag_buf_clear(b);
}

/* Each appender: 0 or -ENOMEM (the buffer is unchanged then). */
static inline int ag_buf_append(struct ag_buf *b, const void *p, size_t n)
{
    if (b->cap - b->len < n) {
        int r = ag_buf_reserve(b, n);

        if (r < 0)
            return r;
    }
    if (n > 0)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    return 0;
}

static inline int ag_buf_append_span(struct ag_buf *b, struct ag_span s)
{
    return ag_buf_append(b, s.p, s.len);
}

int ag_buf_append_char(struct ag_buf *b, char c);
int ag_buf_append_str(struct ag_buf *b, const char *s);
int ag_buf_printf(struct ag_buf *b, const char *fmt, ...) ag_printf_like(2, 3);
int ag_buf_vprintf(struct ag_buf *b, const char *fmt, va_list ap) ag_printf_like(2, 0);

/* Decimal digits of v. */
int ag_buf_append_u64(struct ag_buf *b, uint64_t v);

/*
 * A JSON string with its quotes: escapes quote, backslash, control bytes and DEL. A byte that belongs to no character of
 * UTF-8 becomes U+FFFD, so what comes out is a JSON string wherever the bytes came from.
 */
int ag_buf_append_json_str(struct ag_buf *b, const char *s, size_t n);

/* Makes the content a C string: a NUL is behind it but is not counted. NULL when memory is short. */
const char *ag_buf_cstr(struct ag_buf *b);

/* Takes the storage out as a NUL-terminated heap string (free() it); the buffer is empty afterwards. */
char *ag_buf_steal_cstr(struct ag_buf *b);

#endif
