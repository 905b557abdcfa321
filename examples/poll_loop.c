/* SPDX-License-Identifier: MIT */
/*
 * libagent inside a poll() loop of your own, beside another descriptor: each line on standard input becomes an event,
 * and the method "ping" is served meanwhile.
 */
#include <agent/agent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int on_ping(agent_request *req, void *user)
{
    (void) user;
    return agent_replyf(req, "[%s]", "pong");
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    static const char *const names[] = {"closed", "connecting", "connected", "ready"};

    (void) conn;
    (void) user;
    printf("agent %s\n", names[state]);
    fflush(stdout);
}

/* false: end of input. (A line that comes in pieces makes several events: the lesson is the loop.) */
static int on_input(agent_conn *conn)
{
    char line[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof line);
    int r;

    if (n <= 0)
        return 0;
    r = agent_report_event(conn, "line", NULL, NULL, NULL);
    if (r < 0)
        fprintf(stderr, "event not sent: %s\n", agent_strerror(r));
    return 1;
}

int main(void)
{
    agent_conn *conn = NULL;
    int r = agent_new(&conn);

    if (r >= 0)
        r = agent_set_on_state(conn, on_state, NULL);
    if (r >= 0) /* no slot wanted: the subscription lives as long as the connection */
        r = agent_subscribe(conn, NULL, "ping", on_ping, NULL);
    if (r >= 0)
        r = agent_open(conn, NULL);
    while (r >= 0) {
        struct pollfd fds[2] = {{agent_get_fd(conn), (short) agent_get_events(conn), 0}, {STDIN_FILENO, POLLIN, 0}};

        poll(fds, 2, agent_get_timeout_ms(conn));
        while ((r = agent_process(conn)) > 0) { /* callbacks run here, nowhere else */
        }
        if (fds[1].revents && !on_input(conn))
            break;
    }
    if (r < 0)
        fprintf(stderr, "poll_loop: %s\n", agent_strerror(r));
    conn = agent_unref(conn);
    return r < 0;
}
