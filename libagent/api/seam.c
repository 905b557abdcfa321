/* SPDX-License-Identifier: MIT */
/* The seam for tests. */
#include <errno.h>
#include "libagent/conn/conn.h"

static bool has_begun(struct agent_conn *c)
{
    bool tried = c->state != AGENT_CLOSED && (ag_conn_is_up(c) || c->dialing || c->timer_ms > 0);

    return c->seam || tried || ag_waits_first(&c->waits) || !ag_list_empty(&c->timers);
}

AGENT_API int agent_seam_set(agent_conn *conn, const struct agent_seam *seam, void *user)
{
    int r = seam || !conn ? ag_conn_check(conn) : 0; /* a child of fork() may take it away from its copy */

    if (r < 0 || (seam && has_begun(conn)))
        return r < 0 ? r : -EBUSY;
    conn->seam = seam;
    conn->seam_user = user;
    conn->now_ms = seam ? seam->now_ms : ag_transport_now_ms;
    if (seam)
        conn->random = conn->waits.next_id = 1;
    return 0;
}

AGENT_API int agent_seam_in_callback(agent_conn *conn)
{
    return conn && ag_conn_in_callback(conn);
}
