/* SPDX-License-Identifier: MIT */
/* The settings from the command line and the config file; the command line wins. Read again on SIGHUP. */
#ifndef AGENT_SETTINGS_READ_H
#define AGENT_SETTINGS_READ_H

#include "agent/settings.h"
#include "libagent/io/inifile.h"

/*
 * dir: what relative file names are relative to, the directory of the start. -1: go on; else the exit code: error holds
 * one line, or "" if everything has been printed. s is initialised in any case; end it with settings_deinit().
 */
int settings_read(struct settings *s, int argc, char **argv, const char *dir, char error[AG_INI_ERROR_MAX]);

#endif
