/* SPDX-License-Identifier: MIT */
/*
 * The agent's settings, and how a single one is set from its text, as command line (settings_read.h) and config file
 * (config.h) write it. A setter returns 0, or -EINVAL with a readable reason in reason (n bytes); the field is then
 * unchanged.
 */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include <stdbool.h>
#include <string.h>
#include "agent/core/state/limits.h"
#include "agent/io/upstream.h"
#include "libagent/core/access.h"
#include "libagent/io/addr.h"
#include "libagent/io/option.h"

enum { SETTINGS_PATH_MAX = 256 };

struct settings {
    struct upstream_user upstream_user;
    struct ag_addr listen, unix_path, seqpacket, upstream;
    bool unix_is_default; /* nobody asked for it: failing to make it is only a warning */
    char unix_group[64];
    bool offline, daemonize, check_only;
    int log_level;
    char log_file[SETTINGS_PATH_MAX];
    char config[SETTINGS_PATH_MAX]; /* "" for none */
    struct limits limits;
    char access_file[SETTINGS_PATH_MAX]; /* "" for none */
    struct ag_access access;
    bool access_empty; /* access_file is empty */
};

/* The defaults. End it with settings_deinit(). */
void settings_init(struct settings *s);
void settings_deinit(struct settings *s);

/* Fills reason, returns -EINVAL. */
int settings_fail(char *reason, size_t n, const char *fmt, ...) ag_printf_like(3, 4);

/* All of them; how many, at most AG_COMMAND_LINE_MAX. A file may have '_' for the '-' of a key. */
size_t settings_rows(struct ag_option *out);

/* Limits of this form are in the file's [limits], without "max-". */
static inline bool settings_is_max(const char *option)
{
    return strncmp(option, "max-", 4) == 0;
}

#endif
