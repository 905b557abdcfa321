/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/wire/line.h"

void mcu_line_init(struct mcu_line *l)
{
    l->len = 0;
    l->blank = true;
    l->too_long = false;
    l->last_ms = 0;
}

static enum mcu_line_event end_line(struct mcu_line *l, struct ag_span *line_out)
{
    enum mcu_line_event event = l->too_long ? MCU_LINE_TOO_LONG : l->blank ? MCU_LINE_MORE : MCU_LINE_READY;

    *line_out = (struct ag_span){l->text, l->len};
    mcu_line_init(l);
    return event;
}

static void add(struct mcu_line *l, char c)
{
    if (c != ' ')
        l->blank = false;
    if (l->len == sizeof l->text)
        l->too_long = true;
    else
        l->text[l->len++] = c;
}

enum mcu_line_event mcu_line_feed(struct mcu_line *l, const char *p, size_t n, uint64_t now_ms, size_t *used_out,
                                  struct ag_span *line_out)
{
    l->last_ms = now_ms;
    for (size_t i = 0; i < n; i++) {
        enum mcu_line_event event;

        if (p[i] != '\r' && p[i] != '\n') {
            add(l, p[i]);
            continue;
        }
        event = end_line(l, line_out);
        if (event == MCU_LINE_MORE)
            continue;
        *used_out = i + 1;
        return event;
    }
    l->last_ms = now_ms; /* a blank line in these bytes may have cleared it */
    *used_out = n;
    return MCU_LINE_MORE;
}

bool mcu_line_expire(struct mcu_line *l, uint64_t now_ms)
{
    if (l->len == 0 || now_ms - l->last_ms < MCU_LINE_SILENCE_MS)
        return false;
    mcu_line_init(l);
    return true;
}
