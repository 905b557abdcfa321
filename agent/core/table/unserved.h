/* SPDX-License-Identifier: MIT */
/* The methods of the last commands that nobody served: what is asked for and no application does. */
#ifndef AGENT_CORE_UNSERVED_H
#define AGENT_CORE_UNSERVED_H

#include "libagent/core/buf.h"

enum { UNSERVED_MAX = 8, UNSERVED_NAME_MAX = 64 };

struct unserved {
    struct {
        char name[UNSERVED_NAME_MAX]; /* cut when it is longer */
        uint8_t len;
        uint64_t n, last_ms;
    } methods[UNSERVED_MAX]; /* n 0: a free place */
};

/* A method that is not there yet takes the place of the one not heard of for longest. */
void unserved_note(struct unserved *u, struct ag_span method, uint64_t now_ms);
/* Somebody serves it now. key: a method, or with prefix, all that begin with it. */
void unserved_forget(struct unserved *u, struct ag_span key, bool prefix);
/* [{"method":"x","n":3,"ago_ms":5}], appended. 0 or -ENOMEM. */
int unserved_print(const struct unserved *u, uint64_t now_ms, struct ag_buf *out);

#endif
