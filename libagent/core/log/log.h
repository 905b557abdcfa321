/* SPDX-License-Identifier: MIT */
/*
 * The daemons' log: one line per event, "[20260131 12:00:00] [INFO] text". Only shells (main, io) log; cores
 * return. The level and the sink are the one piece of process-wide state. Never log tokens, keys or params.
 */
#ifndef AG_LOG_H
#define AG_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/log/log_ring.h"
#include "libagent/core/util.h"

enum ag_log_level { AG_LOG_ERROR, AG_LOG_WARNING, AG_LOG_INFO, AG_LOG_DEBUG, AG_LOG_VERBOSE };

/* path: appended to; NULL is standard error. 0 or -errno (the old sink stays then). */
int ag_log_open(const char *path);

/* Opens the same path again, after a log rotation. 0 or -errno. */
int ag_log_reopen(void);

/* From now on the last 1,000 lines, at most 128 KiB of them, stay in memory as well. 0 or -ENOMEM. */
int ag_log_keep(void);
/* What is kept; empty before ag_log_keep(). */
const struct ag_log_ring *ag_log_kept(void);

/* Values outside 0..4 are cut. */
void ag_log_set_level(int level);
bool ag_log_enabled(enum ag_log_level level);

/* Standard error is the journal: lines begin with the priority of sd-daemon(3), <3> to <7>, and have no time of their own; lines
   that go to a file or are kept do not change. Off at first. */
void ag_log_set_priorities(bool on);

/* One line of at most 1023 bytes; control characters and bytes that are not UTF-8 become '?', wherever they came from. */
void ag_log(enum ag_log_level level, const char *fmt, ...) ag_printf_like(2, 3);

/*
 * Why a program does not start: one line "PROGRAM: ..." on standard error. After ag_log_begin(), why settings that are read again
 * are not taken: an error in the log, as nobody may see standard error any more.
 */
void ag_log_refusal(const char *program, const char *fmt, ...) ag_printf_like(2, 3);
void ag_log_begin(void);

/*
 * For lines that a peer can provoke: at most burst lines each period_ms; the next line that passes says at its end how many
 * were left out. Zero-initialise all but the two settings.
 */
struct ag_log_gate {
    unsigned burst;
    uint64_t period_ms;
    uint64_t since_ms;
    unsigned passed, held;
};

/* Writes the line if the gate lets it pass. true: it did. Lines of a level that is off do not count. */
bool ag_log_gated(struct ag_log_gate *g, uint64_t now_ms, enum ag_log_level level, const char *fmt, ...) ag_printf_like(4, 5);
bool ag_log_gated_v(struct ag_log_gate *g, uint64_t now_ms, enum ag_log_level level, const char *fmt, va_list ap)
    ag_printf_like(4, 0);

#endif
