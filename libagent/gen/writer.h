/* SPDX-License-Identifier: MIT */
/* A text being written. The first failure is kept and all that follows is dropped, so it need be checked only at the end. */
#ifndef GEN_WRITER_H
#define GEN_WRITER_H

#include "libagent/core/buf.h"

struct writer {
    struct ag_buf text;
    int error; /* 0 or -ENOMEM */
};

void writer_deinit(struct writer *w);
void put(struct writer *w, const char *fmt, ...) ag_printf_like(2, 3);
/* Text inside a C comment: one line, and nothing that would end it. */
void put_comment(struct writer *w, const char *text);
/* A C string literal with its quotes; n bytes, any. */
void put_literal(struct writer *w, const char *text, size_t n);

#endif
