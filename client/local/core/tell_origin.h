/* SPDX-License-Identifier: MIT */
/*
 * Tells applications where a command came from, if that is wanted (tell_origin): the member "_origin" in front of all others,
 * so that it is the one that counts. Off by default: some applications treat commands as text, not as JSON.
 */
#ifndef CLIENT_TELL_ORIGIN_H
#define CLIENT_TELL_ORIGIN_H

#include "client/local/core/origin.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

enum { TELL_ORIGIN_E_SAID = 1 }; /* the sender has said it itself, which nobody is trusted to do */

/* A command with that member. */
struct origin_told {
    struct ag_buf buf;
    struct ag_span text; /* in buf */
    struct ag_json_view view;
};

/* text is a command, an object. 0; TELL_ORIGIN_E_SAID; -ENOMEM. */
int tell_origin(struct origin_told *out, struct ag_span text, enum origin_kind from);
void origin_told_deinit(struct origin_told *t);

#endif
