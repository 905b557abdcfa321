/* SPDX-License-Identifier: MIT */
/*
 * Single settings out of their text, as the command line and the config file write them. Every setter returns
 * 0, or -EINVAL with the reason for people in reason (n bytes); the field is then as it was.
 */
#ifndef AGENT_VALUES_H
#define AGENT_VALUES_H

#include "agent/settings.h"

/* Fills reason, returns -EINVAL. */
int value_fail(char *reason, size_t n, const char *fmt, ...) ag_printf_like(3, 4);

int value_set_level(int *field, const char *value, char *reason, size_t n);
int value_set_limit(struct settings *s, const struct limit_row *l, const char *value, char *reason, size_t n);
/* One setting that command line and file share. name: as on the command line, with '-'. 1: no such setting.
 */
int value_set_named(struct settings *s, const char *name, const char *value, char *reason, size_t n);

#endif
