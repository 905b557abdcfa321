/* SPDX-License-Identifier: MIT */
/*
 * Values of command lines and settings, for every program: 0, or -EINVAL with the reason for people in reason (n bytes), which
 * names the limit; out is then untouched.
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
/* Made absolute: in the background the working directory is another. */
int ag_option_path(const char *text, char *out, size_t room, char *reason, size_t n);

/* For a long option: what is wrong goes to standard error as "PROGRAM: --NAME: TEXT: reason". */
bool ag_option_take_number(const char *program, const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *out);
bool ag_option_take_path(const char *program, const char *name, const char *text, char *out, size_t room);

#endif
