/* SPDX-License-Identifier: MIT */
/*
 * Ask and wait for the answer: what time is it, is the cloud there?
 *
 * In a program with a loop use agent_call(), which returns at once and passes the answer to a callback.
 */
#include <agent/agent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    agent_conn *conn = NULL;
    char *result = NULL;
    char status[64];
    int64_t now;
    int r = agent_new(&conn);

    if (r >= 0)
        r = agent_open(conn, NULL);
    if (r >= 0) /* any method; the two below are short forms of the same */
        r = agent_call_sync(conn, "local.query_country", NULL, 5000, &result);
    if (r >= 0)
        printf("country %s\n", result);
    free(result); /* with AGENT_E_REMOTE the error object */
    if (r >= 0)
        r = agent_query_status(conn, status, sizeof status);
    if (r >= 0)
        printf("status %s\n", status);
    if (r >= 0)
        r = agent_query_time(conn, &now);
    if (r >= 0)
        printf("time %" PRId64 "\n", now);
    if (r == AGENT_E_REMOTE && agent_last_error(conn))
        fprintf(stderr, "call: %s\n", agent_last_error(conn)); /* the error object, of the short forms too */
    else if (r < 0)
        fprintf(stderr, "call: %s\n", agent_strerror(r));
    conn = agent_unref(conn);
    return r < 0;
}
