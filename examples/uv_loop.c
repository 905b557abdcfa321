/* SPDX-License-Identifier: MIT */
/*
 * libagent in a libuv loop, and an answer that comes later: "boil" is answered when a timer fires.
 */
#include <agent/uv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct kettle {
    uv_timer_t timer;
    agent_request *req; /* kept until it is answered */
};

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_boiled(uv_timer_t *timer)
{
    struct kettle *k = (struct kettle *) timer->data;

    agent_replyf(k->req, "[%s]", "boiled"); /* AGENT_E_LOST if the agent went away meanwhile: nothing to be done */
    k->req = agent_request_unref(k->req);
    uv_close((uv_handle_t *) timer, on_timer_closed);
}

static int on_boil(agent_request *req, void *user)
{
    uv_loop_t *loop = (uv_loop_t *) user;
    struct kettle *k = (struct kettle *) malloc(sizeof *k);

    if (!k)
        return -1; /* answered with an error by the library */
    k->req = agent_request_ref(req);
    uv_timer_init(loop, &k->timer);
    k->timer.data = k;
    return uv_timer_start(&k->timer, on_boiled, 200, 0);
}

struct app {
    agent_uv adapter;
    uv_signal_t term;
};

static void on_term(uv_signal_t *handle, int signum)
{
    struct app *app = (struct app *) handle->data;

    (void) signum;
    agent_uv_close(&app->adapter, NULL);
    uv_close((uv_handle_t *) handle, NULL);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    static struct app app;
    agent_conn *conn = NULL;
    int r = agent_new(&conn);

    if (r >= 0)
        r = agent_subscribe(conn, NULL, "boil", on_boil, loop);
    if (r >= 0)
        r = agent_open(conn, NULL);
    if (r >= 0)
        r = agent_uv_start(&app.adapter, loop, conn);
    if (r >= 0) {
        uv_signal_init(loop, &app.term);
        app.term.data = &app;
        uv_signal_start(&app.term, on_term, SIGTERM);
        uv_run(loop, UV_RUN_DEFAULT); /* returns when the signal handler has closed everything */
        uv_loop_close(loop);
    } else {
        fprintf(stderr, "uv_loop: %s\n", agent_strerror(r));
    }
    conn = agent_unref(conn);
    return r < 0;
}
