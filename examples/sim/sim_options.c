/* SPDX-License-Identifier: MIT */
#include "examples/sim/sim_options.h"

#include <errno.h>
#include <string.h>
#include "examples/sim/faults.h"

int sim_options(const char *command, void (*usage)(FILE *to), const struct ag_option *rows, size_t n_rows, enum ag_words words,
                int argc, char **argv, void *to)
{
    char program[64];
    const struct ag_command_line line = {program, usage, rows, n_rows, words};

    snprintf(program, sizeof program, "miio_sim %s", command);
    return ag_command_line_read(&line, argc, argv, to);
}

int sim_set_pointer(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) reason;
    (void) n;
    memcpy((char *) to + row->at, &value, row->size);
    return 0;
}

static int set_amount(void *to, const struct ag_option *row, long amount)
{
    unsigned value = (unsigned) amount;

    if (amount < 0)
        return -EINVAL;
    memcpy((char *) to + row->at, &value, sizeof value);
    return 0;
}

int sim_set_percent(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    snprintf(reason, n, "must be 0..100, or with a percent sign");
    return set_amount(to, row, faults_parse_percent(value));
}

int sim_set_ms(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    snprintf(reason, n, "must be milliseconds, or seconds as 2s");
    return set_amount(to, row, faults_parse_ms(value));
}
