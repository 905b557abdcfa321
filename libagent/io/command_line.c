/* SPDX-License-Identifier: MIT */
#include "libagent/io/command_line.h"
#include "libagent/core/log/log.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include "libagent/io/exit_code.h"
#include "libagent/io/inifile.h"

enum { LONG = 256, HELP = 1000, VERSION, REASON_MAX = 256 };

struct forms {
    struct option longs[AG_COMMAND_LINE_MAX + 3];
    char shorts[2 * AG_COMMAND_LINE_MAX + 8];
};

static void make_forms(struct forms *f, const struct ag_command_line *c)
{
    size_t n = 0, s = 0;

    assert(c->n_rows <= AG_COMMAND_LINE_MAX);
    if (c->words == AG_WORDS_BEHIND)
        f->shorts[s++] = '+';
    f->shorts[s++] = ':'; /* tells a missing value from an unknown option */
    for (size_t i = 0; i < c->n_rows; i++) {
        bool flag = c->rows[i].kind == AG_OPTION_FLAG;

        if (c->rows[i].name)
            f->longs[n++] = (struct option){c->rows[i].name, flag ? no_argument : required_argument, NULL, LONG + (int) i};
        if (c->rows[i].letter) {
            f->shorts[s++] = c->rows[i].letter;
            if (!flag)
                f->shorts[s++] = ':';
        }
    }
    if (c->usage) {
        f->longs[n++] = (struct option){"help", no_argument, NULL, HELP};
        f->longs[n++] = (struct option){"version", no_argument, NULL, VERSION};
    }
    f->longs[n] = (struct option){0};
    strcpy(f->shorts + s, c->usage ? "hv" : "");
}

static const struct ag_option *row_of(const struct ag_command_line *c, int opt)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        if (opt == LONG + (int) i || (c->rows[i].letter && opt == c->rows[i].letter))
            return &c->rows[i];
    }
    return NULL;
}

/* What getopt did not understand. written: the word it was in. */
static int complain_form(const struct ag_command_line *c, int opt, const char *written)
{
    char letter[3] = {'-', (char) optopt, '\0'};

    ag_log_refusal(c->program, "%s: %s; see %s --help", optopt > 0 && optopt < LONG ? letter : written,
                   opt == ':'       ? "needs a value"
                   : optopt >= LONG ? "takes no value"
                                    : "unknown option",
                   c->program);
    return AG_EXIT_USAGE;
}

static int complain_value(const struct ag_command_line *c, const struct ag_option *row, const char *value, const char *reason)
{
    char letter[2] = {row->letter, '\0'};

    ag_log_refusal(c->program, "%s%s %s: %s", row->name ? "--" : "-", row->name ? row->name : letter, value, reason);
    return AG_EXIT_USAGE;
}

static int take_one(const struct ag_command_line *c, int opt, ag_command_line_fn *take, void *user)
{
    const struct ag_option *row = row_of(c, opt);
    char reason[REASON_MAX] = "";
    const char *value;
    int r;

    if (!row) {
        if (opt == HELP || opt == 'h')
            c->usage(stdout);
        else
            printf("%s %s\n", c->program, MIIO_VERSION);
        return AG_EXIT_OK;
    }
    value = row->kind == AG_OPTION_FLAG ? "yes" : optarg;
    r = take(user, row, value, reason, sizeof reason);
    if (r < 0)
        return complain_value(c, row, value, reason);
    return r > 0 ? r : -1;
}

int ag_command_line_each(const struct ag_command_line *c, int argc, char **argv, ag_command_line_fn *take, void *user)
{
    struct forms forms;
    int opt, code = -1;

    make_forms(&forms, c);
    optind = 0; /* glibc: getopt begins again */
    opterr = 0;
    while (code < 0 && (opt = getopt_long(argc, argv, forms.shorts, forms.longs, NULL)) != -1)
        code = opt == '?' || opt == ':' ? complain_form(c, opt, argv[optind - 1]) : take_one(c, opt, take, user);
    if (code >= 0 || c->words != AG_WORDS_NONE || optind >= argc)
        return code;
    ag_log_refusal(c->program, "unexpected argument \"%s\"; see %s --help", argv[optind], c->program);
    return AG_EXIT_USAGE;
}

/* ---- with the file ---- */

struct reading {
    const struct ag_command_line *c;
    void *to;
};

static bool is_file(const struct ag_option *row)
{
    return row->name && strcmp(row->name, "config") == 0;
}

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    const struct reading *r = user;
    char why[REASON_MAX] = "";

    if (*item->section) {
        snprintf(reason, n, "there are no sections in this file");
        return -EINVAL;
    }
    if (ag_option_set_key(r->c->rows, r->c->n_rows, r->to, item->name, item->value, why, sizeof why) == 0)
        return 0;
    if (why[0]) /* else the name is unknown, and the file's reader says so */
        snprintf(reason, n, "%s: %s", item->name, why);
    return -EINVAL;
}

static int take_file(void *user, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct reading *r = user;
    char error[AG_INI_ERROR_MAX];

    if (!is_file(row))
        return 0;
    if (ag_option_set(row, r->to, value, reason, n) < 0)
        return -EINVAL;
    if (ag_ini_parse_file(value, on_item, r, error) == 0)
        return 0;
    ag_log_refusal(r->c->program, "%s", error);
    return AG_EXIT_CONFIG;
}

static int take_value(void *user, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const struct reading *r = user;

    return is_file(row) ? 0 : ag_option_set(row, r->to, value, reason, n);
}

int ag_command_line_read(const struct ag_command_line *c, int argc, char **argv, void *to)
{
    struct reading r = {c, to};
    int code = ag_command_line_each(c, argc, argv, take_file, &r);

    return code < 0 ? ag_command_line_each(c, argc, argv, take_value, &r) : code;
}
