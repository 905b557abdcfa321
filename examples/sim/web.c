/* SPDX-License-Identifier: MIT */
#include "examples/sim/web.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>

enum { IDLE_S = 30 };

struct sim_web {
    struct MHD_Daemon *daemon;
    sim_web_serve_fn *serve;
    void *user;
    size_t body_max;
    uint16_t port;
    uv_poll_t poll;
    uv_timer_t timer;
    int n_closed;
};

/* A request whose body is still coming. */
struct incoming {
    struct ag_buf body;
    bool too_long;
};

const char *sim_web_argument(const struct sim_web_request *q, const char *name)
{
    return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *sim_web_header(const struct sim_web_request *q, const char *name)
{
    return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result respond(struct MHD_Connection *c, const struct sim_web_answer *a)
{
    const struct ag_buf *body = a->file ? a->file : &a->body;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(ag_buf_size(body), (void *) ag_buf_span(body).p, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result r = MHD_YES;

    if (!response)
        return MHD_NO;
    for (size_t i = 0; r == MHD_YES && i < SIM_WEB_HEADERS_MAX && a->headers[i].name; i++)
        r = MHD_add_response_header(response, a->headers[i].name, a->headers[i].value);
    if (r == MHD_YES)
        r = MHD_queue_response(c, a->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result take_body(const struct sim_web *w, struct incoming *in, const char *data, size_t *data_len)
{
    in->too_long = in->too_long || ag_buf_size(&in->body) + *data_len > w->body_max;
    if (!in->too_long && ag_buf_append(&in->body, data, *data_len) < 0)
        return MHD_NO;
    *data_len = 0;
    return MHD_YES;
}

/* Called first without a body, then with its pieces, then with none left. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *data_len, void **con_cls)
{
    struct sim_web *w = cls;
    struct incoming *in = *con_cls;
    struct sim_web_request q = {.connection = c, .url = url, .method = method};
    struct sim_web_answer a = {.status = MHD_HTTP_INTERNAL_SERVER_ERROR, .body = AG_BUF_INIT};
    enum MHD_Result r = MHD_NO;

    (void) version;
    if (!in) {
        *con_cls = in = calloc(1, sizeof *in);
        return in ? MHD_YES : MHD_NO;
    }
    if (*data_len > 0)
        return take_body(w, in, data, data_len);
    q.body = ag_buf_span(&in->body);
    q.too_long = in->too_long;
    if (w->serve(w->user, &q, &a) == 0)
        r = respond(c, &a);
    ag_buf_deinit(&a.body);
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct incoming *in = *con_cls;

    (void) cls;
    (void) c;
    (void) code;
    if (in)
        ag_buf_deinit(&in->body);
    free(in);
}

/* ---- in the loop ---- */

static void on_timer(uv_timer_t *t);

static void web_run(struct sim_web *w)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(w->daemon);
    if (MHD_get_timeout(w->daemon, &ms) == MHD_YES)
        uv_timer_start(&w->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&w->timer);
}

static void on_timer(uv_timer_t *t)
{
    web_run(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void) status;
    (void) events;
    web_run(p->data);
}

int sim_web_start(struct sim_web **web_out, uv_loop_t *loop, uint16_t port, size_t body_max, sim_web_serve_fn *serve, void *user)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sim_web *w = calloc(1, sizeof *w);
    const union MHD_DaemonInfo *info;

    if (!w)
        return -ENOMEM;
    w->serve = serve;
    w->user = user;
    w->body_max = body_max;
    w->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, port, NULL, NULL, on_request, w, MHD_OPTION_SOCK_ADDR, &a, MHD_OPTION_NOTIFY_COMPLETED,
                         on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) IDLE_S, MHD_OPTION_END);
    if (!w->daemon) {
        free(w);
        return -EADDRINUSE;
    }
    info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_BIND_PORT);
    w->port = info ? info->port : port;
    info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(loop, &w->poll, info->epoll_fd);
    uv_timer_init(loop, &w->timer);
    w->poll.data = w->timer.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_poll);
    *web_out = w;
    return 0;
}

uint16_t sim_web_port(const struct sim_web *w)
{
    return w->port;
}

static void on_closed(uv_handle_t *h)
{
    struct sim_web *w = h->data;

    if (++w->n_closed == 2)
        free(w);
}

struct sim_web *sim_web_stop(struct sim_web *w)
{
    if (!w)
        return NULL;
    uv_poll_stop(&w->poll);
    MHD_stop_daemon(w->daemon);
    uv_close((uv_handle_t *) &w->poll, on_closed);
    uv_close((uv_handle_t *) &w->timer, on_closed);
    return NULL;
}
