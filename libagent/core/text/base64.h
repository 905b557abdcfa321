/* SPDX-License-Identifier: MIT */
/* Base64 of RFC 4648, section 4: how bytes that are not UTF-8 text travel inside JSON. */
#ifndef AG_BASE64_H
#define AG_BASE64_H

#include "libagent/core/buf.h"

/* Appends the encoded form. 0 or -ENOMEM (out unchanged). */
int ag_base64_encode(struct ag_buf *out, const void *p, size_t n);

/* Appends the bytes. Strict: no blanks, padding as it must be, no stray bits. 0, -EINVAL, -ENOMEM (out unchanged). */
int ag_base64_decode(struct ag_buf *out, struct ag_span text);

#endif
