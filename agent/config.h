/* SPDX-License-Identifier: MIT */
/* The config file's items, access rules included; settings.h describes the file. */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "libagent/io/inifile.h"

/* An ag_ini_fn; user is the struct settings. */
int config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n);

#endif
