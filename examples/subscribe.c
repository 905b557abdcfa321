/* SPDX-License-Identifier: MIT */
/*
 * Serve a method: every command "hello" that comes down to this device is answered.
 *
 *     ./example_subscribe &
 *     miioctl call hello '["world"]'
 */
#include <agent/agent.h>
#include <stdio.h>

static int on_hello(agent_request *req, void *user)
{
    (void) user;
    printf("%s %s\n", agent_request_method(req), agent_request_params(req));
    fflush(stdout);
    return agent_replyf(req, "[%s]", "hi");
}

int main(void)
{
    agent_conn *conn = NULL;
    agent_slot *slot = NULL;
    int r = agent_new(&conn);

    if (r >= 0)
        r = agent_subscribe(conn, &slot, "hello", on_hello, NULL);
    if (r >= 0)
        r = agent_open(conn, NULL); /* $MIIO_AGENT, else the usual places */
    if (r >= 0)
        r = agent_run(conn); /* reconnects and registers again by itself */
    if (r < 0)
        fprintf(stderr, "subscribe: %s\n", agent_strerror(r));
    slot = agent_slot_unref(slot);
    conn = agent_unref(conn);
    return r < 0;
}
