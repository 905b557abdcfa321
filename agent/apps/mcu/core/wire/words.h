/* SPDX-License-Identifier: MIT */
/*
 * The grammar of one command line: a command name and up to 64 parameters, each a bare word or a quoted
 * string with JSON escapes. Words are borrowed spans of the line. A string that ends but holds what cannot be
 * read is a bad word, not a bad line: noise in one value should not cost the others.
 */
#ifndef MCU_WORDS_H
#define MCU_WORDS_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum { MCU_PARAMS_MAX = 64 }; /* parameters after the command name [MIoT serial, "result"] */

enum {
    MCU_WORDS_E_SYNTAX = 1, /* a byte that may not be there, a quote left open */
    MCU_WORDS_E_TOO_MANY    /* more than MCU_PARAMS_MAX parameters */
};

struct mcu_word {
    struct ag_span raw; /* a string with its quotes: it is a JSON string then */
    bool quoted;
    bool bad; /* a string with a byte, an escape or half a surrogate pair that nobody upstream could read */
};

struct mcu_words {
    struct ag_span command;
    unsigned n, n_bad;
    struct mcu_word param[MCU_PARAMS_MAX];
};

/* 0 or MCU_WORDS_E_*. out is undefined after an error. */
int mcu_words_parse(struct ag_span line, struct mcu_words *out);

/* A quoted string that is not bad, true, false or a JSON number: then raw is a JSON value. */
bool mcu_word_is_value(const struct mcu_word *w);

/* Instance id: digits only, at most 4294967295. */
bool mcu_word_iid(const struct mcu_word *w, uint32_t *out);

/* Status or error code: an optional minus sign, digits, within int32. */
bool mcu_word_code(const struct mcu_word *w, int32_t *out);

/* Exactly this bare word. */
bool mcu_word_is(const struct mcu_word *w, const char *text);

#endif
