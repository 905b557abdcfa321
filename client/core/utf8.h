/* UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
#ifndef CLIENT_UTF8_H
#define CLIENT_UTF8_H

#include <stdbool.h>
#include "libagent/core/util.h"

bool utf8_valid(struct ag_span s);

/* The length of the longest beginning of s, at most max bytes, that does not end inside a character. s is
 * valid. */
size_t utf8_cut(struct ag_span s, size_t max);

#endif
