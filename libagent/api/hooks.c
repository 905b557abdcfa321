/* SPDX-License-Identifier: MIT */
/* The seam of hooks.h. */
#include <errno.h>
#include "libagent/conn/conn.h"

static bool has_begun(struct agent_conn *c)
{
    bool tried = c->state != AGENT_CLOSED && (ag_conn_is_up(c) || c->dialing || c->timer_ms > 0);

    return c->hooks || tried || ag_waits_first(&c->waits) || !ag_list_empty(&c->timers);
}

AGENT_API int agent_hooks_set(agent_conn *conn, const struct agent_hooks *hooks, void *user)
{
    int r = hooks || !conn ? ag_conn_check(conn) : 0; /* a child of fork() may take them away from its copy */

    if (r < 0 || (hooks && has_begun(conn)))
        return r < 0 ? r : -EBUSY;
    conn->hooks = hooks;
    conn->clock_user = user;
    conn->now_ms = hooks ? hooks->now_ms : ag_transport_now_ms;
    if (hooks)
        conn->random = conn->waits.next_id = 1;
    return 0;
}

AGENT_API int agent_hooks_in_callback(agent_conn *conn)
{
    return conn && ag_conn_in_callback(conn);
}
