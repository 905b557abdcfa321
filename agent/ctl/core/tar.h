/* SPDX-License-Identifier: MIT */
/* A tar archive (ustar, POSIX.1-1988) of small files, built in memory. */
#ifndef CTL_TAR_H
#define CTL_TAR_H

#include "libagent/core/buf.h"

/* Appends a file, mode 0600. name: at most 99 bytes, no '/' in front. mtime_s: Unix time. 0; -EINVAL: the name; -ENOMEM. */
int tar_put(struct ag_buf *out, const char *name, struct ag_span content, uint64_t mtime_s);
/* The end of the archive. 0 or -ENOMEM. */
int tar_end(struct ag_buf *out);

#endif
