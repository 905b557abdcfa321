/* SPDX-License-Identifier: MIT */
/*
 * The options of a stand-in, read in the same way as the programs' (libagent/io/command_line.h): they are no part of what
 * crosses a line, so the code that a stand-in checks in the product is not shared.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <limits.h>
#include "libagent/io/command_line.h"

/* command: what follows miio_sim. Words follow the options, from optind. -1: go on; else the exit code. */
int sim_options(const char *command, void (*usage)(FILE *to), const struct ag_option *rows, size_t n_rows, enum ag_words words,
                int argc, char **argv, void *to);
/* For a row: the field is a pointer to the value itself. */
int sim_set_pointer(void *to, const struct ag_option *row, const char *value, char *reason, size_t n);
/* An unsigned field: percent, with or without the sign; milliseconds, or seconds as 2s. */
int sim_set_percent(void *to, const struct ag_option *row, const char *value, char *reason, size_t n);
int sim_set_ms(void *to, const struct ag_option *row, const char *value, char *reason, size_t n);

#define SIM_TEXT(text, type, member)                                                                                             \
    {                                                                                                                            \
        .name = text, .set = sim_set_pointer, AG_OPTION_FIELD(type, member)                                                      \
    }
#define SIM_FLAG(text, type, member)                                                                                             \
    {                                                                                                                            \
        .name = text, .kind = AG_OPTION_FLAG, AG_OPTION_FIELD(type, member)                                                      \
    }
#define SIM_NUMBER(text, type, member, a, b)                                                                                     \
    {                                                                                                                            \
        .name = text, .kind = AG_OPTION_NUMBER, AG_OPTION_FIELD(type, member), .least = a, .most = b                             \
    }
#define SIM_BY(text, fn, type, member)                                                                                           \
    {                                                                                                                            \
        .name = text, .set = fn, AG_OPTION_FIELD(type, member)                                                                   \
    }
#define SIM_OWN(text, fn)                                                                                                        \
    {                                                                                                                            \
        .name = text, .set = fn                                                                                                  \
    }

#endif
