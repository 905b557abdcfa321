/* SPDX-License-Identifier: MIT */
/*
 * libagent in a libevent loop. Header only: libagent itself knows no loop.
 *
 *     static agent_event adapter;
 *
 *     agent_event_start(&adapter, base, conn);
 *     event_base_dispatch(base);
 *     ...
 *     agent_event_stop(&adapter);
 *
 * The adapter holds a reference to the connection until it is stopped. Callbacks of the connection run inside the loop;
 * they may stop the adapter. One adapter per connection. Needs libevent 2.0.
 *
 * libevent has no hook that runs before it sleeps, so a deadline set by a call outside of the connection's callbacks
 * (agent_open(), agent_call(), agent_timer() ...) is seen only in the connection's next turn: call agent_event_update() after it.
 */
#ifndef AGENT_EVENT_H
#define AGENT_EVENT_H

#include <agent/agent.h>
#include <errno.h>
#include <event2/event.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of the caller; must not move or end before agent_event_stop(). data is the caller's, the rest the adapter's. */
typedef struct agent_event {
    void *data;
    agent_conn *conn;
    struct event *io, *timer;
} agent_event;

/* Looks at the connection's next deadline again. */
static inline void agent_event_update(agent_event *a)
{
    struct timeval tv;
    int timeout_ms;

    if (!a->timer)
        return;
    timeout_ms = agent_get_timeout_ms(a->conn);
    if (timeout_ms < 0) {
        event_del(a->timer);
        return;
    }
    tv.tv_sec = timeout_ms / 1000;
    tv.tv_usec = timeout_ms % 1000 * 1000;
    event_add(a->timer, &tv);
}

static inline void agent_event_on_event_(evutil_socket_t fd, short what, void *user)
{
    agent_event *a = (agent_event *) user;
    agent_conn *conn = agent_ref(a->conn); /* a callback may stop the adapter */

    (void) fd;
    (void) what;
    agent_process(conn); /* what is left over is still readable in the next turn */
    agent_event_update(a);
    agent_unref(conn);
}

/* Takes the connection out of the loop; agent_close() is the caller's. Idempotent. */
static inline void agent_event_stop(agent_event *a)
{
    if (a->io)
        event_free(a->io);
    if (a->timer)
        event_free(a->timer);
    a->io = a->timer = NULL;
    a->conn = agent_unref(a->conn);
}

/* 0 or -ENOMEM; then nothing has been started. */
static inline int agent_event_start(agent_event *a, struct event_base *base, agent_conn *conn)
{
    a->conn = agent_ref(conn);
    a->io = event_new(base, agent_get_fd(conn), EV_READ | EV_PERSIST, agent_event_on_event_, a);
    a->timer = event_new(base, -1, 0, agent_event_on_event_, a);
    if (!a->io || !a->timer || event_add(a->io, NULL) < 0) {
        agent_event_stop(a);
        return -ENOMEM;
    }
    agent_event_update(a);
    return 0;
}

#ifdef __cplusplus
}
#endif

#endif
