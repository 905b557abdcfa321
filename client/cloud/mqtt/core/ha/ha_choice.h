/* SPDX-License-Identifier: MIT */
/*
 * The choices of a Home Assistant select: values, and the texts shown for them. Texts are never empty, never equal, and never
 * "None", which Home Assistant takes for "unknown"; where a list has such a text, the value follows it in brackets. A core.
 */
#ifndef CLIENT_HA_CHOICE_H
#define CLIENT_HA_CHOICE_H

#include <stdbool.h>
#include "libagent/core/buf.h"

struct ha_choice {
    struct ag_span value; /* JSON; lies in the list */
    struct ag_buf text;
};

struct ha_choices {
    struct ha_choice *all;
    unsigned n;
    size_t cap;
};

/* list: an array of strings. One that repeats is left out. 0 or -ENOMEM. */
int ha_choices_read(struct ha_choices *c, struct ag_span list);

/*
 * The same one by one: add() with a JSON value, borrowed, and its text in plain UTF-8; values must not repeat. Then
 * tell_apart(). 0 or -ENOMEM.
 */
int ha_choices_add(struct ha_choices *c, struct ag_span value, struct ag_span text);
int ha_choices_tell_apart(struct ha_choices *c);

void ha_choices_deinit(struct ha_choices *c);

/* A dictionary of the template language: {value:'text',...}, or the other way round {'text':value,...}. 0 or -ENOMEM. */
int ha_choices_map(const struct ha_choices *c, struct ag_buf *out, bool turned);

/* A string of the template language, all but plain characters escaped. text is UTF-8. 0 or -ENOMEM. */
int ha_append_literal(struct ag_buf *out, struct ag_span text);

/* A JSON string's text, or plain text, without blanks around it, control characters as blanks. 0 or -ENOMEM. */
int ha_append_clean(struct ag_buf *out, struct ag_span string);
int ha_append_clean_text(struct ag_buf *out, struct ag_span text);

#endif
