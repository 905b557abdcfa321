/* SPDX-License-Identifier: MIT */
/*
 * Lines for the log, until they can be handed out: a log callback may close the connection or drop any slot, so lines are
 * handed out between steps only, never in the middle of one. Bounded; what does not fit is counted.
 */
#ifndef AG_LINES_H
#define AG_LINES_H

#include <stdbool.h>
#include "agent/agent.h"
#include "libagent/core/buf.h"

enum { AG_LINE_MAX = 256, AG_LINES_MAX = 16 * 1024 };

struct ag_lines {
    struct ag_buf buf; /* per line: a byte of level, the text, NUL */
    unsigned n_lost;   /* since that was last said */
};

static inline bool ag_lines_empty(const struct ag_lines *l)
{
    return ag_buf_size(&l->buf) == 0 && l->n_lost == 0;
}

void ag_lines_vadd(struct ag_lines *l, enum agent_log_level level, const char *fmt, va_list ap) ag_printf_like(3, 0);

/* Takes the oldest line out. False when there is none. The last one says how many were lost. */
bool ag_lines_take(struct ag_lines *l, enum agent_log_level *level_out, char line_out[AG_LINE_MAX]);

static inline void ag_lines_deinit(struct ag_lines *l)
{
    ag_buf_deinit(&l->buf);
}

#endif
