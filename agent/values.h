/*
 * Single settings out of their text, as the command line and the config file write them. Every setter returns
 * 0, or -EINVAL with the reason for people in reason (n bytes); the field is then as it was.
 */
#ifndef AGENT_VALUES_H
#define AGENT_VALUES_H

#include "agent/settings.h"

/* A number of struct limits. */
struct value_limit {
    const char *option; /* long option; the config name is the same with '_' and without "max-" */
    size_t offset;
    uint32_t min, max;
};

extern const struct value_limit value_limits[];
extern const size_t value_n_limits;

/* Fills reason, returns -EINVAL. */
int value_fail(char *reason, size_t n, const char *fmt, ...) ag_printf_like(3, 4);

int value_set_text(char *field, size_t room, const char *value, char *reason, size_t n);
int value_set_bool(bool *field, const char *value, char *reason, size_t n);
int value_set_level(int *field, const char *value, char *reason, size_t n);
int value_set_limit(struct settings *s, const struct value_limit *l, const char *value, char *reason,
                    size_t n);
/* One setting that command line and file share. name: as on the command line, with '-'. 1: no such setting.
 */
int value_set_named(struct settings *s, const char *name, const char *value, char *reason, size_t n);

#endif
