/* SPDX-License-Identifier: MIT */
#include "libagent/core/log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "libagent/core/log/local_time.h"
#include "libagent/core/utf8.h"

enum { KEPT_LINES = 1000, KEPT_BYTES = 128 * 1024, LINE_MAX_BYTES = 1024, HEAD_MAX_BYTES = 64, HELD_MAX_BYTES = 48 };

static struct {
    int level;
    FILE *file; /* NULL: standard error */
    char *path;
    bool begun;
    bool priorities; /* standard error is read by the journal */
    struct ag_log_ring kept;
} sink = {.level = AG_LOG_INFO};

int ag_log_open(const char *path)
{
    FILE *file = NULL;
    char *copy = NULL;

    if (path) {
        copy = strdup(path);
        if (!copy)
            return -ENOMEM;
        file = fopen(path, "ae");
        if (!file) {
            int r = -errno;

            free(copy);
            return r;
        }
        setvbuf(file, NULL, _IOLBF, 0);
    }
    if (sink.file)
        fclose(sink.file);
    free(sink.path);
    sink.file = file;
    sink.path = copy;
    return 0;
}

int ag_log_reopen(void)
{
    char *path;
    int r;

    if (!sink.path)
        return 0;
    path = strdup(sink.path);
    if (!path)
        return -ENOMEM;
    r = ag_log_open(path);
    free(path);
    return r;
}

int ag_log_keep(void)
{
    return sink.kept.bytes ? 0 : ag_log_ring_init(&sink.kept, KEPT_BYTES, KEPT_LINES);
}

const struct ag_log_ring *ag_log_kept(void)
{
    return &sink.kept;
}

void ag_log_set_level(int level)
{
    sink.level = level < AG_LOG_ERROR ? AG_LOG_ERROR : level > AG_LOG_VERBOSE ? AG_LOG_VERBOSE : level;
}

bool ag_log_enabled(enum ag_log_level level)
{
    return (int) level <= sink.level;
}

/* What a peer has named must not begin a line of its own, nor steer the terminal, nor make the log a binary file. */
static void make_plain(char *line)
{
    size_t n = strlen(line);

    while (n > 0) {
        size_t len = (unsigned char) *line < ' ' || *line == 0x7f ? 0 : ag_utf8_len(line, n);

        if (len == 0) {
            *line = '?';
            len = 1;
        }
        line += len;
        n -= len;
    }
}

void ag_log_set_priorities(bool on)
{
    sink.priorities = on;
}

void ag_log(enum ag_log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG", "VERBOSE"};
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>", "<7>"};
    FILE *out = sink.file ? sink.file : stderr;
    char when[32], line[HEAD_MAX_BYTES + LINE_MAX_BYTES];
    bool to_journal = sink.priorities && !sink.file;
    int head, time_len;
    struct tm tm;
    time_t now;
    va_list ap;

    if (!ag_log_enabled(level))
        return;
    now = time(NULL);
    ag_local_time(now, &tm);
    strftime(when, sizeof when, "%Y%m%d %H:%M:%S", &tm);
    time_len = snprintf(line, HEAD_MAX_BYTES, "[%s] ", when);
    head = time_len + snprintf(line + time_len, HEAD_MAX_BYTES - (size_t) time_len, "[%s] ", names[level]);
    va_start(ap, fmt);
    vsnprintf(line + head, LINE_MAX_BYTES, fmt, ap);
    va_end(ap);
    make_plain(line);
    ag_log_ring_add(&sink.kept, line, strlen(line));
    if (to_journal) /* which knows the time */
        fprintf(out, "%s%s\n", priorities[level], line + time_len);
    else
        fprintf(out, "%s\n", line);
}

void ag_log_begin(void)
{
    sink.begun = true;
}

void ag_log_refusal(const char *program, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (sink.begun)
        ag_log(AG_LOG_ERROR, "%s", line);
    else
        fprintf(stderr, "%s: %s\n", program, line);
}

static bool may_pass(struct ag_log_gate *g, uint64_t now_ms)
{
    if (g->passed == 0 || now_ms - g->since_ms >= g->period_ms) {
        g->since_ms = now_ms;
        g->passed = 0;
    }
    if (g->passed >= g->burst) {
        g->held++;
        return false;
    }
    g->passed++;
    return true;
}

bool ag_log_gated_v(struct ag_log_gate *g, uint64_t now_ms, enum ag_log_level level, const char *fmt, va_list ap)
{
    char line[LINE_MAX_BYTES - HELD_MAX_BYTES], left_out[HELD_MAX_BYTES] = "";

    if (!ag_log_enabled(level) || !may_pass(g, now_ms))
        return false;
    if (g->held > 0)
        snprintf(left_out, sizeof left_out, " (%u line%s left out before this one)", g->held, g->held == 1 ? "" : "s");
    g->held = 0;
    vsnprintf(line, sizeof line, fmt, ap);
    ag_log(level, "%s%s", line, left_out);
    return true;
}

bool ag_log_gated(struct ag_log_gate *g, uint64_t now_ms, enum ag_log_level level, const char *fmt, ...)
{
    va_list ap;
    bool passed;

    va_start(ap, fmt);
    passed = ag_log_gated_v(g, now_ms, level, fmt, ap);
    va_end(ap);
    return passed;
}
