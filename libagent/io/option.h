/* SPDX-License-Identifier: MIT */
/*
 * The settings of every program: a row for each, and the values they take. A value is taken with 0, or refused with -EINVAL and
 * the reason for people in reason (n bytes), which names the limit; what was there is then untouched.
 */
#ifndef AG_OPTION_H
#define AG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole number in decimal digits. */
int ag_option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out, char *reason, size_t n);
/* Less than room bytes. */
int ag_option_text(const char *text, char *out, size_t room, char *reason, size_t n);
/* "yes" or "no". */
int ag_option_flag(const char *text, bool *out, char *reason, size_t n);
/* Made absolute: in the background the working directory is a different one. */
int ag_option_path(const char *text, char *out, size_t room, char *reason, size_t n);

enum ag_option_kind {
    AG_OPTION_OWN,    /* by the row's function */
    AG_OPTION_NUMBER, /* an unsigned field of 4 or 8 bytes */
    AG_OPTION_TEXT,
    AG_OPTION_PATH,
    AG_OPTION_PROGRAM, /* a path when it has a slash: else it is looked up in $PATH */
    AG_OPTION_FLAG     /* without a value on the command line; yes or no in a file */
};

struct ag_option {
    const char *name; /* --NAME; NULL: only in a file */
    const char *key;  /* in a file; NULL: only on the command line */
    char letter;      /* NUL: none */
    enum ag_option_kind kind;
    size_t at, size; /* the field, in the program's own struct */
    uint64_t least, most;
    int (*set)(void *to, const struct ag_option *row, const char *value, char *reason, size_t n);
};

/* For a row: where the field is. */
#define AG_OPTION_FIELD(type, member) .at = offsetof(type, member), .size = sizeof(((type *) 0)->member)

/* to: the struct that the row's field is in. */
int ag_option_set(const struct ag_option *row, void *to, const char *value, char *reason, size_t n);
/* By the name in a file. -EINVAL with the reason left as it was: no row has that name. */
int ag_option_set_key(const struct ag_option *rows, size_t n_rows, void *to, const char *key, const char *value, char *reason,
                      size_t n);

#endif
