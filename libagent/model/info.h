/* SPDX-License-Identifier: MIT */
/*
 * What the client knows of the device: its did and the content of service 1, device-information. Asked for after each
 * connect until known.
 */
#ifndef MODEL_INFO_H
#define MODEL_INFO_H

#include <agent/agent.h>
#include "libagent/model/core/spec.h"

/* A property of device-information and its text. */
typedef void (*model_info_fn)(void *user, const struct model_prop *p, const char *text);

struct model_info {
    agent_conn *conn; /* borrowed */
    const struct model *m;
    model_info_fn fn;
    void *user;
    agent_slot *did_call, *info_call; /* under way */
    char did[40];                     /* a JSON string with its quotes; "": not known */
    char did_bare[40];
    bool told; /* miIO.info has answered */
};

void ag_model_info_init(struct model_info *i, agent_conn *conn, const struct model *m, model_info_fn fn, void *user);
void ag_model_info_deinit(struct model_info *i);
void ag_model_info_ask(struct model_info *i);

/* With its quotes, as JSON; empty when not known. */
struct ag_span ag_model_info_did(const struct model_info *i);
/* Without; NULL when not known. Valid until the next call. */
const char *ag_model_info_did_text(struct model_info *i);

#endif
