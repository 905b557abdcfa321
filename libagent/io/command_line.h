/* SPDX-License-Identifier: MIT */
/*
 * The command line of every program, described by rows. Mistakes are refused in the same words everywhere: one line on standard
 * error, AG_EXIT_USAGE. -h and -v need no row.
 */
#ifndef AG_COMMAND_LINE_H
#define AG_COMMAND_LINE_H

#include <stdio.h>
#include "libagent/io/option.h"

enum { AG_COMMAND_LINE_MAX = 64 }; /* rows */

/* Words that are no options. optind is the place of the first one that is left. */
enum ag_words {
    AG_WORDS_NONE,    /* refused */
    AG_WORDS_BEHIND,  /* the first one ends the options */
    AG_WORDS_ANYWHERE /* moved behind the options */
};

struct ag_command_line {
    const char *program;
    void (*usage)(FILE *to); /* NULL: neither -h nor -v */
    const struct ag_option *rows;
    size_t n_rows;
    enum ag_words words;
};

/* One option; a flag has the value "yes". 0, an exit code (the message is on standard error), or -EINVAL with the reason. */
typedef int ag_command_line_fn(void *user, const struct ag_option *row, const char *value, char *reason, size_t n);

/* -1: go on; else the exit code. */
int ag_command_line_each(const struct ag_command_line *c, int argc, char **argv, ag_command_line_fn *take, void *user);

/*
 * Into the struct to. A row named "config" is a file of "KEY = VALUE" lines without sections, by the keys of the rows; it is read
 * first, wherever it appears: the command line wins. -1: go on; else the exit code.
 */
int ag_command_line_read(const struct ag_command_line *c, int argc, char **argv, void *to);

#endif
