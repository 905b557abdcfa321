/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/io/ot_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RX_MAX = 65536, /* a datagram whole */
    QUEUED_MAX = 4 * 1024 * 1024
};

struct ot_link {
    const struct ot_link_events *events;
    void *user;
    bool stream, closing;
    bool torn; /* half of a packet has gone, and there was no memory for the rest */
    union {
        uv_handle_t handle;
        uv_udp_t udp;
        uv_tcp_t tcp;
    } u;
    uv_connect_t connect;
    char rx[RX_MAX];
};

/* Bytes that the kernel would not take yet. */
struct ot_link_write {
    union {
        uv_write_t write;
        uv_udp_send_t send;
    } req;
    char data[];
};

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct ot_link *l = h->data;

    (void) suggested;
    *buf = uv_buf_init(l->rx, sizeof l->rx);
}

static void on_bytes(struct ot_link *l, ssize_t n, const char *p)
{
    if (l->closing)
        return;
    if (n < 0)
        l->events->failed(l->user, n == UV_EOF ? "closed by the cloud" : uv_strerror((int) n));
    else
        l->events->data(l->user, (struct ag_span){p, (size_t) n});
}

static void on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
    (void) flags;
    if (n == 0 && !from)
        return; /* nothing left to read */
    on_bytes(h->data, n, buf->base);
}

static void on_tcp(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    if (n != 0)
        on_bytes(h->data, n, buf->base);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct ot_link *l = req->data;

    if (l->closing)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *) &l->u.tcp, on_alloc, on_tcp);
    if (status < 0)
        l->events->failed(l->user, uv_strerror(status));
    else
        l->events->opened(l->user);
}

static int open_tcp(struct ot_link *l, uv_loop_t *loop, const struct sockaddr *to)
{
    int r = uv_tcp_init(loop, &l->u.tcp);

    if (r < 0)
        return r;
    l->u.handle.data = l;
    l->connect.data = l;
    uv_tcp_nodelay(&l->u.tcp, 1);
    return uv_tcp_connect(&l->connect, &l->u.tcp, to, on_connect);
}

static int open_udp(struct ot_link *l, uv_loop_t *loop, const struct sockaddr *to)
{
    int size = 1 << 20;
    int r = uv_udp_init(loop, &l->u.udp);

    if (r < 0)
        return r;
    l->u.handle.data = l;
    r = uv_udp_connect(&l->u.udp, to);
    if (r == 0)
        r = uv_udp_recv_start(&l->u.udp, on_alloc, on_udp);
    if (r == 0)
        uv_recv_buffer_size(&l->u.handle, &size); /* as much as the system allows; a window of acks comes at once */
    return r;
}

static void on_failed_open_closed(uv_handle_t *h)
{
    free(h->data);
}

int ot_link_open(struct ot_link **out, uv_loop_t *loop, bool stream, const struct sockaddr *to,
                 const struct ot_link_events *events, void *user)
{
    struct ot_link *l = malloc(sizeof *l);
    int r;

    if (!l)
        return -ENOMEM;
    memset(l, 0, offsetof(struct ot_link, rx));
    l->events = events;
    l->user = user;
    l->stream = stream;
    r = stream ? open_tcp(l, loop, to) : open_udp(l, loop, to);
    if (r < 0) {
        l->closing = true;
        if (l->u.handle.data)
            uv_close(&l->u.handle, on_failed_open_closed);
        else
            free(l);
        return r;
    }
    *out = l;
    return 0;
}

static void on_sent(uv_udp_send_t *req, int status)
{
    (void) status; /* lost, as a datagram may be */
    free(req);
}

static void on_written(uv_write_t *req, int status)
{
    (void) status; /* a broken connection is seen by reading */
    free(req);
}

static int send_later(struct ot_link *l, struct ag_span bytes)
{
    struct ot_link_write *w = malloc(sizeof *w + bytes.len);
    uv_buf_t buf;
    int r;

    if (!w)
        return -ENOMEM;
    memcpy(w->data, bytes.p, bytes.len);
    buf = uv_buf_init(w->data, (unsigned) bytes.len);
    if (l->stream)
        r = uv_write(&w->req.write, (uv_stream_t *) &l->u.tcp, &buf, 1, on_written);
    else
        r = uv_udp_send(&w->req.send, &l->u.udp, &buf, 1, NULL, on_sent);
    if (r < 0)
        free(w);
    return r;
}

int ot_link_send(struct ot_link *l, struct ag_span bytes)
{
    uv_buf_t buf = uv_buf_init((char *) bytes.p, (unsigned) bytes.len);
    size_t waiting, put;
    int r;

    if (l->closing)
        return -ENOTCONN;
    if (l->torn)
        return -EPIPE;
    waiting = l->stream ? uv_stream_get_write_queue_size((uv_stream_t *) &l->u.tcp) : uv_udp_get_send_queue_size(&l->u.udp);
    if (waiting + bytes.len > QUEUED_MAX)
        return -ENOBUFS;
    r = l->stream ? uv_try_write((uv_stream_t *) &l->u.tcp, &buf, 1) : uv_udp_try_send(&l->u.udp, &buf, 1, NULL);
    if (r == UV_EAGAIN)
        r = 0;
    if (r < 0 || (size_t) r == bytes.len)
        return r < 0 ? r : 0;
    put = (size_t) r;
    r = send_later(l, (struct ag_span){bytes.p + put, bytes.len - put});
    l->torn = r < 0 && put > 0;
    return r;
}

static void on_closed(uv_handle_t *h)
{
    struct ot_link *l = h->data;
    const struct ot_link_events *events = l->events;
    void *user = l->user;

    free(l);
    events->closed(user);
}

void ot_link_close(struct ot_link *l)
{
    l->closing = true;
    uv_close(&l->u.handle, on_closed);
}
