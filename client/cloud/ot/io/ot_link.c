/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/io/ot_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RX_MAX = 65536, /* a datagram whole */
    QUEUED_MAX = 4 * 1024 * 1024,
    OUT_MAX = 16, /* packets */
    OUT_BYTES = 8192
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
    uv_prepare_t flush; /* runs before the loop sleeps; active only while something waits */
    unsigned n_handles; /* that are not closed yet */
    unsigned n_out;     /* packets of this turn */
    size_t out_len;
    struct iovec pieces[OUT_MAX]; /* of out */
    char out[OUT_BYTES];
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
    struct ot_link *l = h->data;

    if (--l->n_handles == 0)
        free(l);
}

static void close_handles(struct ot_link *l, uv_close_cb cb)
{
    l->n_handles = 2;
    uv_close(&l->u.handle, cb);
    uv_close((uv_handle_t *) &l->flush, cb);
}

int ot_link_open(struct ot_link **out, uv_loop_t *loop, bool stream, const struct sockaddr *to,
                 const struct ot_link_events *events, void *user)
{
    struct ot_link *l = malloc(sizeof *l);
    int r;

    if (!l)
        return -ENOMEM;
    memset(l, 0, offsetof(struct ot_link, out));
    uv_prepare_init(loop, &l->flush);
    l->flush.data = l;
    l->events = events;
    l->user = user;
    l->stream = stream;
    r = stream ? open_tcp(l, loop, to) : open_udp(l, loop, to);
    if (r < 0) {
        l->closing = true;
        if (l->u.handle.data) {
            close_handles(l, on_failed_open_closed);
        } else {
            l->n_handles = 1;
            uv_close((uv_handle_t *) &l->flush, on_failed_open_closed);
        }
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

static int send_now(struct ot_link *l, struct ag_span bytes)
{
    uv_buf_t buf = uv_buf_init((char *) bytes.p, (unsigned) bytes.len);
    size_t put;
    int r = l->stream ? uv_try_write((uv_stream_t *) &l->u.tcp, &buf, 1) : uv_udp_try_send(&l->u.udp, &buf, 1, NULL);

    if (r == UV_EAGAIN)
        r = 0;
    if (r < 0 || (size_t) r == bytes.len)
        return r < 0 ? r : 0;
    put = (size_t) r;
    r = send_later(l, (struct ag_span){bytes.p + put, bytes.len - put});
    l->torn = r < 0 && put > 0;
    return r;
}

static size_t waiting(const struct ot_link *l)
{
    return l->stream ? uv_stream_get_write_queue_size((const uv_stream_t *) &l->u.tcp) : uv_udp_get_send_queue_size(&l->u.udp);
}

/* As many as the kernel takes in one call; returns how many. */
static unsigned send_together(struct ot_link *l, unsigned from, unsigned n)
{
    struct mmsghdr headers[OUT_MAX];
    uv_os_fd_t fd;
    int r;

    if (n - from < 2 || waiting(l) > 0 || uv_fileno(&l->u.handle, &fd) < 0)
        return 0;
    for (unsigned i = from; i < n; i++)
        headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &l->pieces[i], .msg_iovlen = 1}};
    r = sendmmsg(fd, headers + from, n - from, MSG_DONTWAIT);
    return r > 0 ? (unsigned) r : 0;
}

/* What fails with the others is sent alone, or fails alone. 0, or the first error. */
static int flush(struct ot_link *l)
{
    unsigned n = l->n_out, sent = 0;
    size_t len = l->out_len;
    int first = 0;

    uv_prepare_stop(&l->flush);
    l->n_out = 0;
    l->out_len = 0;
    if (l->stream)
        return n > 0 ? send_now(l, (struct ag_span){l->out, len}) : 0;
    while (sent < n) {
        unsigned together = send_together(l, sent, n);
        int r = together > 0 ? 0 : send_now(l, (struct ag_span){l->pieces[sent].iov_base, l->pieces[sent].iov_len});

        if (first == 0)
            first = r;
        sent += together > 0 ? together : 1;
    }
    return first;
}

static void on_flush(uv_prepare_t *p)
{
    struct ot_link *l = p->data;
    int r = flush(l);

    if (r < 0 && !l->closing)
        l->events->failed(l->user, uv_strerror(r));
}

int ot_link_send(struct ot_link *l, struct ag_span bytes)
{
    if (l->closing)
        return -ENOTCONN;
    if (l->torn)
        return -EPIPE;
    if (waiting(l) + l->out_len + bytes.len > QUEUED_MAX)
        return -ENOBUFS;
    if (l->n_out == OUT_MAX || l->out_len + bytes.len > OUT_BYTES) {
        int r = flush(l);

        if (r < 0)
            return r;
    }
    if (bytes.len > OUT_BYTES)
        return send_now(l, bytes);
    memcpy(l->out + l->out_len, bytes.p, bytes.len);
    l->pieces[l->n_out] = (struct iovec){l->out + l->out_len, bytes.len};
    l->out_len += bytes.len;
    if (l->n_out++ == 0)
        uv_prepare_start(&l->flush, on_flush);
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct ot_link *l = h->data;
    const struct ot_link_events *events = l->events;
    void *user = l->user;

    if (--l->n_handles > 0)
        return;
    free(l);
    events->closed(user);
}

void ot_link_close(struct ot_link *l)
{
    (void) flush(l);
    l->closing = true;
    close_handles(l, on_closed);
}
