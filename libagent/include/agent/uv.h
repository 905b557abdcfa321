/* SPDX-License-Identifier: MIT */
/*
 * libagent in a libuv loop. Header only: libagent itself knows no loop.
 *
 *     static agent_uv adapter;
 *
 *     agent_uv_start(&adapter, uv_default_loop(), conn);
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *     ...
 *     agent_uv_close(&adapter, on_closed);    // in on_closed the adapter's memory is yours again
 *
 * The adapter holds a reference to the connection until it has closed. Callbacks of the connection run inside the
 * loop; they may close the adapter. One adapter per connection. Needs libuv 1.x.
 */
#ifndef AGENT_UV_H
#define AGENT_UV_H

#include <agent/agent.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agent_uv agent_uv;
typedef void (*agent_uv_close_fn)(agent_uv *adapter);

/* Memory of the caller; must not move or end before the close callback. data is the caller's, the rest the adapter's. */
struct agent_uv {
    void *data;
    agent_conn *conn;
    uv_poll_t poll;
    uv_timer_t timer;
    uv_prepare_t prepare;
    int n_open;
    agent_uv_close_fn on_closed;
};

static inline void agent_uv_on_poll_(uv_poll_t *handle, int status, int events)
{
    agent_uv *a = (agent_uv *) handle->data;

    (void) status;
    (void) events;
    agent_process(a->conn); /* what is left over is still readable in the next turn: others get their turn in between */
}

static inline void agent_uv_on_timer_(uv_timer_t *handle)
{
    agent_process(((agent_uv *) handle->data)->conn);
}

/* Runs just before the loop sleeps, when everything that could move the next deadline has happened. */
static inline void agent_uv_on_prepare_(uv_prepare_t *handle)
{
    agent_uv *a = (agent_uv *) handle->data;
    int timeout_ms = agent_get_timeout_ms(a->conn);

    if (timeout_ms < 0)
        uv_timer_stop(&a->timer);
    else
        uv_timer_start(&a->timer, agent_uv_on_timer_, (uint64_t) timeout_ms, 0);
}

static inline void agent_uv_on_closed_(uv_handle_t *handle)
{
    agent_uv *a = (agent_uv *) handle->data;

    if (--a->n_open > 0)
        return;
    a->conn = agent_unref(a->conn);
    if (a->on_closed)
        a->on_closed(a);
}

/* 0, or a libuv error (-errno); then nothing has been started and there is nothing to close. */
static inline int agent_uv_start(agent_uv *a, uv_loop_t *loop, agent_conn *conn)
{
    int r = uv_poll_init(loop, &a->poll, agent_get_fd(conn));

    if (r < 0)
        return r;
    uv_timer_init(loop, &a->timer);
    uv_prepare_init(loop, &a->prepare);
    a->poll.data = a->timer.data = a->prepare.data = a;
    a->n_open = 3;
    a->on_closed = NULL;
    a->conn = agent_ref(conn);
    uv_poll_start(&a->poll, UV_READABLE, agent_uv_on_poll_);
    uv_prepare_start(&a->prepare, agent_uv_on_prepare_);
    return 0;
}

/* Takes the connection out of the loop; agent_close() is the caller's. Once. on_closed may be NULL. */
static inline void agent_uv_close(agent_uv *a, agent_uv_close_fn on_closed)
{
    if (uv_is_closing((uv_handle_t *) &a->poll))
        return;
    a->on_closed = on_closed;
    uv_close((uv_handle_t *) &a->poll, agent_uv_on_closed_);
    uv_close((uv_handle_t *) &a->timer, agent_uv_on_closed_);
    uv_close((uv_handle_t *) &a->prepare, agent_uv_on_closed_);
}

#ifdef __cplusplus
}
#endif

#endif
