/* SPDX-License-Identifier: MIT */
/* Between options.c, which reads, options_table.c, which has the names and the command line, and options_check.c. */
#ifndef CLIENT_OPTIONS_PRIV_H
#define CLIENT_OPTIONS_PRIV_H

#include "client/options/options.h"
#include "libagent/io/option.h"

struct option_info {
    struct ag_option row; /* first. Its key is that of device.conf */
    const char *argument, *help;
};

extern const struct option_info option_infos[N_OPTIONS];

/* Takes the value unless a source that wins has given it. 0 or -ENOMEM. */
int options_take_value(struct options *o, int name, const char *text, enum option_source source, int line);
/* -1: go on; else the exit code. */
int options_read_command_line(struct options *o, int argc, char **argv);
/* Puts the value, if there is one, into its field. 0, or -EINVAL with the reason (n bytes). */
int options_set(struct options *o, int name, char *reason, size_t n);
/* 0, or the exit code, with one line on standard error. */
int options_check(struct options *o);
/* One line on standard error; line 0: none. AG_EXIT_CONFIG. */
int options_complain_conf(const struct options *o, unsigned line, const char *why);

#endif
