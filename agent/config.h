/* SPDX-License-Identifier: MIT */
/*
 * The items of the config file:
 *
 * [agent]    listen, unix, unix_group, seqpacket, upstream, upstream_user, offline, log_level, log_file, command_timeout,
 *            request_timeout, command_grace, access
 * [limits]   the fields of struct limits
 * [access]   any item switches the rules on; described in libagent/io/access/access_file.h, as for the file named by "access"
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "libagent/io/inifile.h"

/* An ag_ini_fn; user is the struct settings. */
int config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n);

#endif
