/* SPDX-License-Identifier: MIT */
/* The address of this connection among applications: one bit, claimed again at each connect. */
#include "libagent/api/bind.h"

#include <errno.h>
#include "libagent/conn/due.h"

void ag_conn_bound(struct agent_conn *c, int status)
{
    if (c->address == 0)
        return; /* it was given up meanwhile */
    if (status < 0)
        ag_conn_logf(c, AGENT_LOG_WARNING, "address %u refused: %s", (unsigned) c->address, agent_strerror(status));
    if (!c->on_bound)
        return;
    ag_conn_enter(c);
    c->on_bound(c, c->address, status, c->on_bound_user);
    ag_conn_leave(c);
}

AGENT_API int agent_bind(agent_conn *conn, uint32_t address, agent_request_fn fn, void *user)
{
    int r = ag_conn_admit(conn);

    if (r < 0)
        return r;
    if ((address && !fn) || (address & (address - 1)))
        return -EINVAL;
    if (ag_conn_is_up(conn) && (address || conn->address))
        r = ag_conn_queue_bind(conn, address);
    if (r < 0)
        return r;
    conn->bind_due = false;
    conn->address = address;
    conn->on_message = address ? fn : NULL;
    conn->on_message_user = user;
    ag_due_kick(conn);
    return 0;
}

AGENT_API int agent_set_on_bound(agent_conn *conn, agent_bound_fn fn, void *user)
{
    int r = ag_conn_check(conn);

    if (r < 0)
        return r;
    conn->on_bound = fn;
    conn->on_bound_user = user;
    return 0;
}
