/* SPDX-License-Identifier: MIT */
/* A firmware image for the MCU, read whole into memory so that what was checked is what is sent. */
#ifndef MCU_IMAGE_H
#define MCU_IMAGE_H

#include <stdbool.h>
#include "libagent/core/buf.h"

/*
 * Reads path (a regular file of 1..max bytes) and compares its MD5 with md5, 32 hex digits. 0; -EINVAL:
 * empty, not a regular file, or md5 is not such a text; -EBADMSG: the digest differs; -EFBIG; another -errno.
 * out is empty then.
 */
int mcu_image_read(const char *path, const char *md5, size_t max, struct ag_buf *out);

/* In words. */
const char *mcu_image_error(int error);

#endif
