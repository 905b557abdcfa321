/* SPDX-License-Identifier: MIT */
/*
 * Texts for Home Assistant, as they are built: JSON members, and templates inside them. The first allocation that fails is kept
 * in r, and what follows does nothing, so that a writer checks once, at its end. A core.
 */
#ifndef CLIENT_HA_TEXT_H
#define CLIENT_HA_TEXT_H

#include "libagent/core/buf.h"

struct ha_text {
    struct ag_buf b;
    int r; /* 0 or -ENOMEM */
};

#define HA_TEXT_INIT                                                                                                             \
    {                                                                                                                            \
        AG_BUF_INIT, 0                                                                                                           \
    }

void ha_text_deinit(struct ha_text *t);

void ha_put(struct ha_text *t, const char *fmt, ...) ag_printf_like(2, 3);
void ha_put_span(struct ha_text *t, struct ag_span s);
/*
 * A string of the template language: all but plain characters as escapes, so that nothing ends it and no brace begins an
 * expression.
 */
void ha_put_literal(struct ha_text *t, struct ag_span text);

/* ,"key":"text" */
void ha_put_member(struct ha_text *t, const char *key, const char *text);
/* ,"key":"..." from another text, whose error is taken over. */
void ha_put_text(struct ha_text *t, const char *key, const struct ha_text *value);

/* Text without blanks around it, control characters as blanks; bytes that are no UTF-8 become U+FFFD when it is written. */
void ha_put_clean(struct ha_text *t, const char *text);

#endif
