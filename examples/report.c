/* SPDX-License-Identifier: MIT */
/*
 * Report properties and an event to the cloud, and leave when both are acknowledged.
 */
#include <agent/agent.h>
#include <stdio.h>

static int n_waiting;
static int worst;

static void on_ack(agent_conn *conn, int status, const char *result, const char *error, void *what)
{
    printf("%s: %s\n", (const char *) what, status == 0 ? result : error ? error : agent_strerror(status));
    if (status < worst)
        worst = status;
    if (--n_waiting == 0)
        agent_stop(conn, worst);
}

int main(void)
{
    static char props[] = "props", event[] = "event";
    agent_conn *conn = NULL;
    int r = agent_new(&conn);

    if (r >= 0)
        r = agent_open(conn, NULL);
    n_waiting = 2;
    if (r >= 0)
        r = agent_reportf(conn, "props", on_ack, props, "{%s:%s,%s:%d}", "power", "on", "bright", 80);
    if (r >= 0)
        r = agent_reportf(conn, "event.button_pressed", on_ack, event, "[%d]", 1);
    if (r >= 0)
        r = agent_run(conn); /* both were queued until the connection is up */
    if (r < 0)
        fprintf(stderr, "report: %s\n", agent_strerror(r));
    conn = agent_unref(conn);
    return r < 0;
}
