/* SPDX-License-Identifier: MIT */
/* The settings from the command line and the config file; what the command line says wins. On SIGHUP it is done again. */
#ifndef AGENT_SETTINGS_READ_H
#define AGENT_SETTINGS_READ_H

#include "agent/settings.h"
#include "libagent/io/inifile.h"

/*
 * dir: where relative names of files count from, the directory of the start. -1: go on; else the exit code: error holds
 * one line, or "" when all has been said. s is initialised in any case; end it with settings_deinit().
 */
int settings_read(struct settings *s, int argc, char **argv, const char *dir, char error[AG_INI_ERROR_MAX]);

#endif
