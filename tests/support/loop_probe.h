/* SPDX-License-Identifier: MIT */
/*
 * An application for any loop: serves loop.echo, prints what its calls end with, and stops at loop.stop. The file that
 * includes it brings the loop.
 */
#ifndef LOOP_PROBE_H
#define LOOP_PROBE_H

#include <agent/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct probe {
    agent_conn *conn;
    void (*stop)(void *user);
    void *user;
};

static void probe_check(const char *what, int r)
{
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", what, agent_strerror(r));
        exit(1);
    }
}

static void probe_say(const char *what)
{
    puts(what);
    fflush(stdout);
}

static int probe_on_echo(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, agent_request_params(req));
}

static int probe_on_stop(agent_request *req, void *user)
{
    struct probe *p = (struct probe *) user;
    int r = agent_reply(req, NULL);

    agent_close(p->conn); /* the answer goes out first */
    p->stop(p->user);
    return r;
}

static void probe_on_info(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    (void) error;
    (void) user;
    probe_say(status == 0 && strstr(result, "version") ? "info" : "no info");
}

static void probe_on_silence(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) result;
    (void) error;
    (void) user;
    probe_say(status == AGENT_E_TIMEOUT ? "timeout" : "no timeout");
    probe_check("call", agent_call(conn, NULL, "agent.info", NULL, 0, probe_on_info, NULL)); /* from inside a callback */
}

static void probe_on_state(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    (void) user;
    if (state == AGENT_READY)
        probe_say("ready");
    else if (state == AGENT_CONNECTING)
        probe_say("connecting");
}

static void probe_open(struct probe *p, void (*stop)(void *user), void *user)
{
    p->stop = stop;
    p->user = user;
    probe_check("new", agent_new(&p->conn));
    probe_check("state", agent_set_on_state(p->conn, probe_on_state, NULL));
    probe_check("echo", agent_subscribe(p->conn, NULL, "loop.echo", probe_on_echo, NULL));
    probe_check("stop", agent_subscribe(p->conn, NULL, "loop.stop", probe_on_stop, p));
    probe_check("open", agent_open(p->conn, NULL));
    probe_check("call", agent_call(p->conn, NULL, "loop.silence", NULL, 100, probe_on_silence, NULL));
}

#endif
