/* SPDX-License-Identifier: MIT */
/*
 * Control methods: register, unregister, bind. The agent consumes them. Without an id they are silent, as old
 * applications expect; with one they are answered. Their members are beside "method" or, as MessagePack-RPC
 * has to, in params as an object or as an array with one object.
 */
#ifndef AGENT_CORE_CONTROL_H
#define AGENT_CORE_CONTROL_H

#include "agent/core/state/state.h"
#include "agent/core/state/text.h"

bool control_is_ours(struct ag_span method);
void control_handle(struct router *r, struct peer *from, const struct text *t);

/* The object that holds the members of params: params itself or the only element of the array. False:
 * neither. */
bool control_params(const struct text *t, struct ag_span *object_out, struct ag_json_view *view_out);

#endif
