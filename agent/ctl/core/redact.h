/* SPDX-License-Identifier: MIT */
/*
 * Keeps secrets out of a text that leaves the device. A configuration shows only values of settings that are known to be
 * harmless; every other value becomes *** and is remembered, so that it can be taken out of logs and answers too.
 */
#ifndef CTL_REDACT_H
#define CTL_REDACT_H

#include "libagent/core/buf.h"

enum { REDACT_LEN_MIN = 6 };

struct secrets {
    char **list; /* owned */
    size_t n, cap;
};

void secrets_deinit(struct secrets *s);
/* Anything shorter than REDACT_LEN_MIN is ignored: it may be any word. 0 or -ENOMEM. */
int secrets_add(struct secrets *s, struct ag_span value);
/* The value of each line NAME=VALUE, without quotes around it; no '=': the line itself. 0 or -ENOMEM. */
int secrets_add_file(struct secrets *s, struct ag_span text);

/* device.conf with *** for each value that is not known to be harmless, appended; those are added to s. 0 or -ENOMEM. */
int redact_conf(struct ag_buf *out, struct ag_span conf, struct secrets *s);
/* text with *** for each secret in it, appended. 0 or -ENOMEM. */
int redact_text(struct ag_buf *out, struct ag_span text, const struct secrets *s);

#endif
