/* SPDX-License-Identifier: MIT */
/*
 * Cuts the byte stream of the serial line into command lines. CR ends a line and LF does too; blank lines are
 * no lines. A line over MCU_LINE_MAX bytes is swallowed up to its end and reported as too long. The result
 * does not depend on how the bytes were cut. Source: MIoT serial communication, "Serial command rules".
 */
#ifndef MCU_LINE_H
#define MCU_LINE_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum {
    MCU_LINE_MAX = 512,        /* bytes of a command line without its CR */
    MCU_LINE_SILENCE_MS = 1000 /* a partial line is dropped after this long without a byte */
};

enum mcu_line_event {
    MCU_LINE_MORE,    /* all bytes used, no line is complete */
    MCU_LINE_READY,   /* *line_out is a line, valid until the next call */
    MCU_LINE_TOO_LONG /* a line ended that was longer than allowed */
};

struct mcu_line {
    char text[MCU_LINE_MAX];
    size_t len;
    bool blank;       /* only spaces so far */
    bool too_long;    /* text is full and more has come */
    uint64_t last_ms; /* when the last byte came */
};

void mcu_line_init(struct mcu_line *l);

/* Uses bytes up to the end of the first line; *used_out says how many. */
enum mcu_line_event mcu_line_feed(struct mcu_line *l, const char *p, size_t n, uint64_t now_ms, size_t *used_out,
                                  struct ag_span *line_out);

/* Drops a partial line whose last byte is too old. True when there was one. */
bool mcu_line_expire(struct mcu_line *l, uint64_t now_ms);

#endif
