/* SPDX-License-Identifier: MIT */
/* UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef AG_UTF8_H
#define AG_UTF8_H

#include <stdbool.h>
#include <string.h>
#include "libagent/core/util.h"

/* Without the byte order mark that some editors put in front. */
static inline struct ag_span ag_utf8_without_mark(struct ag_span file)
{
    bool marked = file.len >= 3 && memcmp(file.p, "\xef\xbb\xbf", 3) == 0;

    return marked ? (struct ag_span){file.p + 3, file.len - 3} : file;
}

/* Length of the well-formed character at p, where n > 0 bytes are; 0: none begins there, or it is not whole. */
size_t ag_utf8_len(const char *p, size_t n);

bool ag_utf8_valid(struct ag_span s);

/* The length of the longest beginning of s, at most max bytes, that does not end inside a character. s is valid. */
size_t ag_utf8_cut(struct ag_span s, size_t max);

#endif
