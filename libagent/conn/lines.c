/* SPDX-License-Identifier: MIT */
#include "libagent/conn/lines.h"

#include <stdio.h>

void ag_lines_vadd(struct ag_lines *l, enum agent_log_level level, const char *fmt, va_list ap)
{
    char line[1 + AG_LINE_MAX];
    size_t n;

    line[0] = (char) level;
    vsnprintf(line + 1, AG_LINE_MAX, fmt, ap);
    n = 2 + strlen(line + 1);
    if (ag_buf_size(&l->buf) + n > AG_LINES_MAX || ag_buf_append(&l->buf, line, n) < 0)
        l->n_lost++;
}

bool ag_lines_take(struct ag_lines *l, enum agent_log_level *level_out, char line_out[AG_LINE_MAX])
{
    const char *head;
    size_t n;

    if (ag_buf_size(&l->buf) == 0) {
        if (l->n_lost == 0)
            return false;
        *level_out = AGENT_LOG_WARNING;
        snprintf(line_out, AG_LINE_MAX, "%u lines of this log were lost", l->n_lost);
        l->n_lost = 0;
        return true;
    }
    head = ag_buf_head(&l->buf);
    n = strlen(head + 1) + 1;
    *level_out = (enum agent_log_level) head[0];
    memcpy(line_out, head + 1, n);
    ag_buf_consume(&l->buf, 1 + n);
    if (ag_buf_size(&l->buf) == 0)
        ag_buf_deinit(&l->buf);
    return true;
}
