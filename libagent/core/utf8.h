/* SPDX-License-Identifier: MIT */
/* UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef AG_UTF8_H
#define AG_UTF8_H

#include <stdbool.h>
#include "libagent/core/util.h"

/* Length of the well-formed character at p, where n > 0 bytes are; 0: none begins there, or it is not whole. */
size_t ag_utf8_len(const char *p, size_t n);

bool ag_utf8_valid(struct ag_span s);

/* The length of the longest beginning of s, at most max bytes, that does not end inside a character. s is valid. */
size_t ag_utf8_cut(struct ag_span s, size_t max);

#endif
