/* SPDX-License-Identifier: MIT */
/*
 * The agent's settings, from its command line and its config file. Options of the command line win over the
 * file; the file is read again on SIGHUP.
 *
 * [agent]    listen, unix, unix_group, seqpacket, upstream, upstream_user, offline, log_level, log_file, command_timeout,
 *            request_timeout, command_grace, access
 * [limits]   the fields of struct limits
 * [access]   any item switches the rules on; libagent/io/access/access_file.h describes them, as in the file that "access" names
 */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include <stdbool.h>
#include "agent/core/state/limits.h"
#include "agent/io/upstream.h"
#include "libagent/core/access.h"
#include "libagent/io/addr.h"
#include "libagent/io/inifile.h"

enum { SETTINGS_PATH_MAX = 256 };

struct settings {
    struct upstream_user upstream_user;
    struct ag_addr listen, unix_path, seqpacket, upstream;
    bool unix_is_default; /* nobody asked for it: that it cannot be made is a warning only */
    char unix_group[64];
    bool offline, daemonize, check_only, show_version, show_help;
    int log_level;
    char log_file[SETTINGS_PATH_MAX];
    char config[SETTINGS_PATH_MAX]; /* "" for none */
    struct limits limits;
    char access_file[SETTINGS_PATH_MAX]; /* "" for none */
    struct ag_access access;
    bool access_empty; /* nothing is in access_file */
};

enum { SETTINGS_E_USAGE = 2, SETTINGS_E_CONFIG = 78 }; /* the exit codes */

/*
 * Command line and config file. dir: where relative names of files count from, the directory of the start. 0,
 * or SETTINGS_E_*: error holds one line. s is initialised in any case; end it with settings_deinit().
 */
int settings_read(struct settings *s, int argc, char **argv, const char *dir, char error[AG_INI_ERROR_MAX]);
void settings_deinit(struct settings *s);

/* The text of -h. */
void settings_usage(void);

#endif
