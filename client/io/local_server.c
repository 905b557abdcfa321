#include "client/io/local_server.h"

#include <errno.h>
#include <stdlib.h>
#include "client/io/local_conn.h"
#include "libagent/core/log.h"

enum { BACKLOG = 64 };

struct local_server {
    uv_tcp_t listener;
    uv_prepare_t flush; /* runs before the loop sleeps; active only while something is queued */
    const struct local_server_events *events;
    void *user;
    struct local_conn *conns[LOCAL_PEERS_MAX];
    struct ag_list dirty;
    unsigned n_open; /* handles whose close callback has not come */
    bool closing;
    struct ag_log_gate gate;
    struct local_server_stats stats;
    char read_buf[LOCAL_READ_SIZE];
};

static void server_unref(struct local_server *s)
{
    if (--s->n_open > 0 || !s->closing)
        return;
    s->events->closed(s->user);
    free(s);
}

/* Takes the socket out at once, so that nothing more is sent or heard; its memory goes in the close callback. */
static void conn_drop(struct local_server *s, struct local_conn *c)
{
    if (s->conns[c->peer] != c)
        return;
    s->conns[c->peer] = NULL;
    local_conn_close(c);
    s->events->left(s->user, c->peer);
}

static void on_conn_ended(struct local_conn *c, const char *why)
{
    struct local_server *s = c->owner;
    unsigned held;

    if (why)
        s->stats.dropped++;
    if (why && ag_log_gate_pass(&s->gate, uv_now(s->listener.loop), &held))
        ag_log(AG_LOG_WARNING, "local peer %u dropped: %s (%u such lines left out)", c->peer, why, held);
    conn_drop(s, c);
}

static void on_conn_closed(struct local_conn *c)
{
    struct local_server *s = c->owner;

    free(c);
    server_unref(s);
}

static void on_conn_text(struct local_conn *c, const struct ag_text *text)
{
    struct local_server *s = c->owner;

    s->stats.texts_in++;
    s->events->text(s->user, c->peer, text->bytes, text->view);
}

static const struct local_conn_events conn_events = {on_conn_text, on_conn_ended, on_conn_closed};

static int free_slot(const struct local_server *s)
{
    for (int i = 0; i < LOCAL_PEERS_MAX; i++) {
        if (!s->conns[i])
            return i;
    }
    return -1;
}

/* Accepts and closes, or the kernel would report the same connection for ever. */
static void refuse_conn(struct local_server *s)
{
    uv_tcp_t *h = malloc(sizeof *h);

    s->stats.refused++;
    if (!h || uv_tcp_init(s->listener.loop, h) < 0) {
        free(h);
        return;
    }
    uv_accept((uv_stream_t *) &s->listener, (uv_stream_t *) h);
    uv_close((uv_handle_t *) h, (uv_close_cb) free);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct local_server *s = listener->data;
    int slot = free_slot(s);
    struct local_conn *c;

    if (status < 0) {
        ag_log(AG_LOG_WARNING, "local socket: %s", uv_strerror(status));
        return;
    }
    c = slot < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) {
        refuse_conn(s);
        return;
    }
    c->events = &conn_events;
    c->owner = s;
    c->peer = (unsigned) slot;
    c->read_buf = s->read_buf;
    if (local_conn_init(c, listener->loop) < 0) {
        free(c);
        return;
    }
    s->n_open++;
    if (local_conn_start(c, listener) < 0) {
        local_conn_close(c);
        return;
    }
    s->conns[slot] = c;
    s->stats.accepted++;
    s->events->joined(s->user, c->peer);
}

static void on_flush(uv_prepare_t *p)
{
    struct local_server *s = p->data;

    while (!ag_list_empty(&s->dirty)) {
        struct local_conn *c = ag_list_first(&s->dirty, struct local_conn, dirty);

        ag_list_del(&c->dirty);
        local_conn_flush(c);
        if (c->overflow && !c->closing) {
            s->stats.overflows++;
            on_conn_ended(c, "does not read, queue is full");
        }
    }
    uv_prepare_stop(p);
}

void local_server_send(struct local_server *s, unsigned peer, struct ag_span text)
{
    struct local_conn *c = peer < LOCAL_PEERS_MAX ? s->conns[peer] : NULL;

    if (!c)
        return;
    s->stats.texts_out++;
    if (local_conn_queue(c, text) == -ENOMEM)
        c->overflow = true;
    if (ag_list_empty(&c->dirty))
        ag_list_append(&s->dirty, &c->dirty);
    uv_prepare_start(&s->flush, on_flush);
}

static void on_handle_closed(uv_handle_t *h)
{
    server_unref(h->data);
}

int local_server_open(struct local_server **out, uv_loop_t *loop, const struct ag_addr *at,
                      const struct local_server_events *events, void *user, struct ag_addr *bound_out)
{
    struct local_server *s = calloc(1, sizeof *s);
    uv_os_fd_t fd;
    int r;

    if (!s)
        return -ENOMEM;
    s->events = events;
    s->user = user;
    s->gate = (struct ag_log_gate){.burst = 5, .period_ms = 10000};
    ag_list_init(&s->dirty);
    r = uv_tcp_init(loop, &s->listener);
    if (r < 0) {
        free(s);
        return r;
    }
    s->listener.data = s->flush.data = s;
    uv_prepare_init(loop, &s->flush);
    s->n_open = 2;
    r = uv_tcp_bind(&s->listener, (const struct sockaddr *) &at->sa, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection);
    if (r == 0)
        r = uv_fileno((uv_handle_t *) &s->listener, &fd);
    if (r == 0)
        r = ag_addr_of_socket(fd, bound_out);
    *out = s; /* also on failure: the handles need closing through the loop */
    return r;
}

void local_server_close(struct local_server *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    for (unsigned i = 0; i < LOCAL_PEERS_MAX; i++) {
        if (s->conns[i])
            conn_drop(s, s->conns[i]);
    }
    uv_close((uv_handle_t *) &s->listener, on_handle_closed);
    uv_close((uv_handle_t *) &s->flush, on_handle_closed);
}

void local_server_get_stats(const struct local_server *s, struct local_server_stats *out)
{
    *out = s->stats;
}
