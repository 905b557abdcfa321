/* SPDX-License-Identifier: MIT */
/*
 * The last lines of a log, in memory: at most so many lines and so many bytes; the oldest give way. Lines are numbered from 0 for
 * as long as the process lives.
 * Invariant: the n_lines lines from at on take len bytes, each with a '\n' behind it; the ring closes at cap.
 */
#ifndef AG_LOG_RING_H
#define AG_LOG_RING_H

#include "libagent/core/buf.h"

enum { AG_LOG_RING_PAGE = 32 * 1024 };

struct ag_log_ring {
    char *bytes;
    size_t cap, at, len;
    uint32_t max_lines, n_lines;
    uint64_t next; /* number of the next line */
};

/* 0 or -ENOMEM. */
int ag_log_ring_init(struct ag_log_ring *r, size_t cap, uint32_t max_lines);
void ag_log_ring_deinit(struct ag_log_ring *r);

/* line without its end; what is longer than the whole ring is cut. Nothing happens before init. */
void ag_log_ring_add(struct ag_log_ring *r, const char *line, size_t len);

/*
 * {"lines":["..."],"next":N,"more":true|false} of lines from number from on (those that are gone are passed over), about
 * AG_LOG_RING_PAGE bytes of them, so that the text fits through every socket. next: where to go on. 0 or -ENOMEM.
 */
int ag_log_ring_put(const struct ag_log_ring *r, uint64_t from, struct ag_buf *out);

#endif
