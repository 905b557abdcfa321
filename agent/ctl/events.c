/* SPDX-License-Identifier: MIT */
#include "agent/ctl/events.h"

static void on_started(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct events *e = user;

    (void) result;
    if (status == 0) {
        fprintf(stderr, "miioctl: %s\n", e->word);
    } else if (status == AGENT_E_REMOTE || status == AGENT_E_TIMEOUT) {
        ctl_call_error("agent.monitor", status, error);
        agent_stop(conn, status);
    }
}

static void start(struct events *e)
{
    agent_call(e->ctl->conn, NULL, "agent.monitor", e->params, e->ctl->timeout_ms, on_started, e);
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    if (state == AGENT_READY)
        start(user);
    else if (state == AGENT_CONNECTING)
        fprintf(stderr, "miioctl: connection lost, trying again\n");
}

static int follow(struct events *e)
{
    int r = ctl_connect(e->ctl);

    if (r != CTL_OK)
        return r;
    /* events come because of agent.monitor; the key is only where the library looks for a handler */
    if (agent_subscribe(e->ctl->conn, NULL, "agent.event", e->fn, e->user) < 0)
        return CTL_FAILED;
    agent_set_on_state(e->ctl->conn, on_state, e);
    if (agent_get_state(e->ctl->conn) == AGENT_READY)
        start(e);
    ctl_end_after(e->time_ms);
    r = agent_run(e->ctl->conn) < 0 ? CTL_FAILED : CTL_OK; /* already reported */
    if (r == CTL_OK && ctl_time_is_over() && e->n_left > 0) {
        ctl_error("%u more were waited for", e->n_left);
        r = CTL_FAILED;
    }
    return r;
}

int events_follow(struct events *e)
{
    int r = follow(e);

    agent_close(e->ctl->conn); /* callbacks refer to what is the caller's */
    return r;
}

bool events_seen(struct events *e)
{
    if (e->n_left == 0 || --e->n_left > 0)
        return false;
    agent_stop(e->ctl->conn, 0);
    return true;
}
