/* SPDX-License-Identifier: MIT */
/* What waits: a call whose caller sleeps until it has ended, in a turn of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/api/call.h"

struct sync {
    bool done;
    int status;
    char *text;
};

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct sync *s = user;
    const char *text = result ? result : error;

    (void) conn;
    s->done = true;
    s->status = status;
    if (text) {
        s->text = strdup(text);
        if (!s->text)
            s->status = -ENOMEM;
    }
}

static void wait_for_end(struct agent_conn *c, struct sync *s)
{
    bool sleep_first = ag_conn_is_up(c); /* the answer cannot be there yet */

    while (!s->done && !atomic_load(&c->stopping)) {
        if (sleep_first)
            agent_wait(c, -1);
        sleep_first = agent_process(c) <= 0;
    }
    if (!s->done)
        s->status = AGENT_E_CANCELED;
}

/* The object's own copy, for agent_last_error(). */
static void remember_error(struct agent_conn *c, const struct sync *s)
{
    free(c->last_error);
    c->last_error = s->status == AGENT_E_REMOTE && s->text ? strdup(s->text) : NULL;
}

AGENT_API int agent_call_sync(agent_conn *conn, const char *method, const char *params, unsigned timeout_ms, char **ret_result)
{
    struct ag_request_parts m = {.method = method, .params = {.text = params}};
    struct sync s = {0};
    agent_slot *slot = NULL;
    int r = ag_call_check(conn, method);

    if (r < 0 && r != -ESHUTDOWN)
        return r;
    if (ag_conn_in_callback(conn))
        return -EDEADLK;
    if (r == 0 && conn->state == AGENT_CLOSED)
        r = -ENOTCONN;
    if (r < 0)
        return r;
    remember_error(conn, &s);
    if (atomic_load(&conn->stopping))
        return AGENT_E_CANCELED;
    r = ag_call_start(conn, &slot, &m, timeout_ms, on_end, &s);
    if (r < 0)
        return r;
    ag_conn_hold(conn); /* a callback may drop the last reference: that ends the call */
    wait_for_end(conn, &s);
    agent_slot_unref(slot);
    remember_error(conn, &s);
    ag_conn_release(conn);
    if ((s.status == 0 || s.status == AGENT_E_REMOTE) && ret_result)
        *ret_result = s.text;
    else
        free(s.text);
    return s.status;
}

AGENT_API const char *agent_last_error(agent_conn *conn)
{
    return conn ? conn->last_error : NULL;
}
