/* SPDX-License-Identifier: MIT */
/*
 * A command on its way through the application: a copy of its text, and the one answer it may get. It remembers the
 * epoch of the socket it came by, so a deferred answer never goes to a later socket.
 */
#ifndef AG_REQUEST_H
#define AG_REQUEST_H

#include "libagent/conn/conn.h"

struct agent_request {
    unsigned refs;
    bool has_id, id_is_u32, answered;
    bool from_app;       /* came by address; answered by _to */
    bool answers_errors; /* a param that cannot be read answers it */
    uint32_t id, from;
    uint64_t epoch;
    struct agent_conn *conn; /* NULL once the connection object is gone */
    struct ag_list link;     /* conn->requests */
    struct ag_span id_raw;   /* in text */
    const char *method, *params, *text;
    size_t text_len, params_len;
    char *origin; /* made when it is asked for */
    char bytes[]; /* the three strings */
};

/* A request with one reference. method is the decoded name. NULL when memory is short. */
struct agent_request *ag_request_new(struct agent_conn *c, struct ag_span text, const struct ag_json_view *v,
                                     struct ag_span method);

/* Runs one handler; a request that it neither answered nor kept is answered with an error. */
void ag_request_run(struct agent_request *req, agent_request_fn fn, void *user);

/* The connection object goes away. */
void ag_request_detach(struct agent_request *req);

#endif
