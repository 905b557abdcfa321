/* SPDX-License-Identifier: MIT */
#include "tests/unit/libagent/promises_rig.h"

void seen_note(struct seen *s)
{
    s->n_after += s->closed;
}

void seen_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct seen *s = user;

    (void) conn;
    (void) result;
    (void) error;
    seen_note(s);
    s->n_ends++;
    s->n_good += status == 0;
    s->status = status;
}

int seen_on_nothing(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, NULL);
}
