/* SPDX-License-Identifier: MIT */
/* TCP and UDP of the simulated libuv. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/net.h"
#include "tests/world/uv/loop_priv.h"

enum { READS_A_TURN = 32 };

/* Requests in a queue: the next one in queue[0]. */
#define REQ_NEXT(r) (*(uv_write_t **) &(r)->queue[0])
#define HEAD(s)     (*(uv_write_t **) &(s)->write_queue[0])
#define DONE(s)     (*(uv_write_t **) &(s)->write_completed_queue[0])

static struct proc *proc_of(uv_loop_t *l)
{
    return uloop_of(l)->proc;
}

static struct vsock *sock_of(uv_loop_t *l, int fd)
{
    struct vfile *f = fd_get(proc_of(l), fd);

    return f && f->kind == V_SOCKET ? (struct vsock *) f : NULL;
}

static void on_stream_io(uv_loop_t *l, uv__io_t *w, unsigned events);
static void on_server_io(uv_loop_t *l, uv__io_t *w, unsigned events);

int uv_tcp_init(uv_loop_t *l, uv_tcp_t *h)
{
    uv_stream_t *s = (uv_stream_t *) h;

    h_init(l, (uv_handle_t *) h, UV_TCP);
    s->read_cb = NULL;
    s->alloc_cb = NULL;
    s->connection_cb = NULL;
    s->connect_req = NULL;
    s->shutdown_req = NULL;
    s->accepted_fd = -1;
    s->delayed_error = 0;
    s->write_queue_size = 0;
    HEAD(s) = DONE(s) = NULL;
    io_init(&s->io_watcher, on_stream_io, -1);
    return 0;
}

/* A pipe to a child that says nothing: it is at its end as soon as it is read. */
int uv_pipe_init(uv_loop_t *l, uv_pipe_t *h, int ipc)
{
    (void) ipc;
    uv_tcp_init(l, (uv_tcp_t *) h);
    h->type = UV_NAMED_PIPE;
    return 0;
}

int pipe_join(uv_stream_t *s)
{
    struct vsock *k = vsock_new(proc_of(s->loop), AF_UNIX, SOCK_STREAM);
    int fd;

    k->state = S_FAILED;
    fd = fd_open(proc_of(s->loop), &k->base);
    if (fd < 0)
        return fd;
    s->io_watcher.fd = fd;
    return 0;
}

static int need_fd(uv_tcp_t *h)
{
    int fd;

    if (h->io_watcher.fd >= 0)
        return 0;
    fd = fd_open(proc_of(h->loop), &vsock_new(proc_of(h->loop), AF_INET, SOCK_STREAM)->base);
    if (fd < 0)
        return fd;
    h->io_watcher.fd = fd;
    return 0;
}

int uv_tcp_bind(uv_tcp_t *h, const struct sockaddr *sa, unsigned flags)
{
    int r = need_fd(h);

    (void) flags;
    if (r < 0)
        return r;
    r = vsock_bind(sock_of(h->loop, h->io_watcher.fd), sa, sizeof(struct sockaddr_in));
    if (r == -EADDRINUSE) { /* told by listen() or connect(), as libuv does */
        h->delayed_error = r;
        r = 0;
    }
    return r;
}

int uv_tcp_nodelay(uv_tcp_t *h, int on)
{
    (void) h;
    (void) on;
    return 0;
}

int uv_listen(uv_stream_t *s, int backlog, uv_connection_cb cb)
{
    int r;

    if (s->delayed_error)
        return s->delayed_error;
    r = need_fd((uv_tcp_t *) s);
    if (r < 0)
        return r;
    vsock_listen(sock_of(s->loop, s->io_watcher.fd), backlog);
    s->connection_cb = cb;
    s->flags |= H_CONNECTION;
    s->io_watcher.cb = on_server_io;
    io_start(s->loop, &s->io_watcher, POLLIN);
    h_start((uv_handle_t *) s);
    return 0;
}

static int accept_fd(uv_stream_t *s)
{
    struct proc *p = proc_of(s->loop);
    struct vsock *listener = sock_of(s->loop, s->io_watcher.fd), *o = vsock_accept(listener, p);

    return o ? fd_open(p, &o->base) : -EAGAIN; /* without a descriptor it is taken and closed, as libuv's trick does */
}

static void on_server_io(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    uv_stream_t *s = (uv_stream_t *) ((char *) w - offsetof(uv_stream_t, io_watcher));

    (void) events;
    while (w->fd >= 0) {
        int fd = accept_fd(s);

        if (fd == -EAGAIN)
            return;
        if (fd < 0) {
            s->connection_cb(s, fd);
            continue;
        }
        s->accepted_fd = fd;
        s->connection_cb(s, 0);
        if (s->accepted_fd >= 0) {
            io_stop(l, w, POLLIN);
            return;
        }
    }
}

int uv_accept(uv_stream_t *server, uv_stream_t *client)
{
    if (server->accepted_fd < 0)
        return UV_EAGAIN;
    client->io_watcher.fd = server->accepted_fd;
    server->accepted_fd = -1;
    io_start(server->loop, &server->io_watcher, POLLIN);
    return 0;
}

int uv_tcp_connect(uv_connect_t *req, uv_tcp_t *h, const struct sockaddr *sa, uv_connect_cb cb)
{
    int r = need_fd(h);

    if (h->connect_req)
        return UV_EALREADY;
    if (r < 0)
        return r;
    if (h->delayed_error == 0) {
        r = vsock_connect(sock_of(h->loop, h->io_watcher.fd), sa, sizeof(struct sockaddr_in));
        if (r < 0 && r != -EINPROGRESS) {
            if (r != -ECONNREFUSED)
                return r;
            h->delayed_error = r;
        }
    }
    req->type = UV_CONNECT;
    req->cb = cb;
    req->handle = (uv_stream_t *) h;
    h->connect_req = req;
    uloop_of(h->loop)->n_reqs++;
    io_start(h->loop, &h->io_watcher, POLLOUT);
    if (h->delayed_error)
        io_feed(h->loop, &h->io_watcher);
    return 0;
}

/* ---- writing ---- */

static void req_done(uv_stream_t *s, uv_write_t *req, int error)
{
    uv_write_t **at = &DONE(s);

    HEAD(s) = REQ_NEXT(req);
    REQ_NEXT(req) = NULL;
    req->error = error;
    while (*at)
        at = &REQ_NEXT(*at);
    *at = req;
    io_feed(s->loop, &s->io_watcher);
}

static ssize_t send_bufs(uv_stream_t *s, const uv_buf_t *bufs, unsigned n)
{
    struct vsock *k = sock_of(s->loop, s->io_watcher.fd);
    ssize_t all = 0;

    if (!k)
        return -EBADF;
    for (unsigned i = 0; i < n; i++) {
        ssize_t put = bufs[i].len ? vsock_send(k, bufs[i].base, bufs[i].len, NULL, 0) : 0;

        if (put < 0)
            return all > 0 ? all : put;
        all += put;
        if ((size_t) put < bufs[i].len)
            break;
    }
    return all;
}

static void advance(uv_stream_t *s, uv_write_t *req, size_t n)
{
    s->write_queue_size -= n;
    while (n > 0 || (req->write_index < req->nbufs && req->bufs[req->write_index].len == 0)) {
        uv_buf_t *b = &req->bufs[req->write_index];
        size_t k = n < b->len ? n : b->len;

        b->base += k;
        b->len -= k;
        n -= k;
        if (b->len == 0)
            req->write_index++;
    }
}

static void write_some(uv_stream_t *s)
{
    for (int i = 0; i < READS_A_TURN && HEAD(s); i++) {
        uv_write_t *req = HEAD(s);
        ssize_t n = send_bufs(s, req->bufs + req->write_index, req->nbufs - req->write_index);

        if (n >= 0) {
            advance(s, req, (size_t) n);
            if (req->write_index == req->nbufs)
                req_done(s, req, 0);
        } else if (n == -EAGAIN) {
            io_start(s->loop, &s->io_watcher, POLLOUT);
            return;
        } else {
            for (unsigned k = req->write_index; k < req->nbufs; k++)
                s->write_queue_size -= req->bufs[k].len;
            req_done(s, req, (int) n);
            return;
        }
    }
    if (HEAD(s))
        io_start(s->loop, &s->io_watcher, POLLOUT);
}

static void tell_written(uv_stream_t *s)
{
    uv_write_t *req = DONE(s), *next;

    DONE(s) = NULL;
    for (; req; req = next) {
        next = REQ_NEXT(req);
        uloop_of(s->loop)->n_reqs--;
        if (req->bufs != req->bufsml)
            free(req->bufs);
        req->bufs = NULL;
        if (req->cb)
            req->cb(req, req->error);
    }
}

int uv_write(uv_write_t *req, uv_stream_t *s, const uv_buf_t bufs[], unsigned n, uv_write_cb cb)
{
    bool empty = s->write_queue_size == 0;
    uv_write_t **at = &HEAD(s);

    if (s->io_watcher.fd < 0)
        return UV_EBADF;
    if (s->flags & H_BROKEN)
        return UV_EPIPE;
    req->type = UV_WRITE;
    req->cb = cb;
    req->handle = s;
    req->error = 0;
    req->send_handle = NULL;
    req->bufs = n > 4 ? malloc(n * sizeof *bufs) : req->bufsml;
    memcpy(req->bufs, bufs, n * sizeof *bufs);
    req->nbufs = n;
    req->write_index = 0;
    for (unsigned i = 0; i < n; i++)
        s->write_queue_size += bufs[i].len;
    REQ_NEXT(req) = NULL;
    while (*at)
        at = &REQ_NEXT(*at);
    *at = req;
    uloop_of(s->loop)->n_reqs++;
    if (s->connect_req)
        return 0;
    if (empty)
        write_some(s);
    else
        io_start(s->loop, &s->io_watcher, POLLOUT);
    return 0;
}

int uv_try_write(uv_stream_t *s, const uv_buf_t bufs[], unsigned n)
{
    if (s->connect_req || s->write_queue_size)
        return UV_EAGAIN;
    if (s->io_watcher.fd < 0)
        return UV_EBADF;
    if (s->flags & H_BROKEN)
        return UV_EPIPE;
    return (int) send_bufs(s, bufs, n);
}

size_t uv_stream_get_write_queue_size(const uv_stream_t *s)
{
    return s->write_queue_size;
}

static void flush_with(uv_stream_t *s, int error)
{
    while (HEAD(s)) {
        uv_write_t *req = HEAD(s);

        for (unsigned k = req->write_index; k < req->nbufs; k++)
            s->write_queue_size -= req->bufs[k].len;
        req_done(s, req, error);
    }
}

/* ---- reading ---- */

int uv_read_start(uv_stream_t *s, uv_alloc_cb alloc, uv_read_cb read)
{
    if (s->flags & H_CLOSING)
        return UV_EINVAL;
    if (s->flags & H_READING)
        return UV_EALREADY;
    if (s->flags & H_BROKEN)
        return UV_ENOTCONN;
    s->flags |= H_READING;
    s->flags &= ~(unsigned) H_READ_EOF;
    s->alloc_cb = alloc;
    s->read_cb = read;
    io_start(s->loop, &s->io_watcher, POLLIN);
    h_start((uv_handle_t *) s);
    return 0;
}

int uv_read_stop(uv_stream_t *s)
{
    if (!(s->flags & H_READING))
        return 0;
    s->flags &= ~(unsigned) H_READING;
    io_stop(s->loop, &s->io_watcher, POLLIN);
    h_stop((uv_handle_t *) s);
    return 0;
}

static void stream_eof(uv_stream_t *s, const uv_buf_t *buf)
{
    s->flags |= H_READ_EOF;
    s->flags &= ~(unsigned) H_READING;
    io_stop(s->loop, &s->io_watcher, POLLIN);
    h_stop((uv_handle_t *) s);
    s->read_cb(s, UV_EOF, buf);
}

static void stream_read(uv_stream_t *s)
{
    s->flags &= ~(unsigned) H_READ_PARTIAL;
    for (int i = 0; i < READS_A_TURN && s->read_cb && (s->flags & H_READING); i++) {
        uv_buf_t buf = {NULL, 0};
        struct vsock *k;
        ssize_t n;

        s->alloc_cb((uv_handle_t *) s, 64 * 1024, &buf);
        if (!buf.base || buf.len == 0) {
            s->read_cb(s, UV_ENOBUFS, &buf);
            return;
        }
        k = sock_of(s->loop, s->io_watcher.fd);
        if (!k)
            return;
        n = vsock_recv(k, buf.base, buf.len, 0, NULL, NULL);
        if (n == -EAGAIN) {
            s->read_cb(s, 0, &buf);
            return;
        }
        if (n < 0) {
            s->flags |= H_BROKEN;
            s->read_cb(s, n, &buf);
            uv_read_stop(s);
            return;
        }
        if (n == 0) {
            stream_eof(s, &buf);
            return;
        }
        s->read_cb(s, n, &buf);
        if ((size_t) n < buf.len) {
            s->flags |= H_READ_PARTIAL;
            return;
        }
    }
}

static void stream_connected(uv_stream_t *s)
{
    uv_connect_t *req = s->connect_req;
    int error = s->delayed_error;

    if (error) {
        s->delayed_error = 0;
    } else {
        struct vsock *k = sock_of(s->loop, s->io_watcher.fd);

        error = -k->err;
        k->err = 0;
        if (k->state == S_CONNECTING)
            return;
    }
    s->connect_req = NULL;
    uloop_of(s->loop)->n_reqs--;
    if (error < 0 || !HEAD(s))
        io_stop(s->loop, &s->io_watcher, POLLOUT);
    if (req->cb)
        req->cb(req, error);
    if (s->io_watcher.fd < 0)
        return;
    if (error < 0) {
        flush_with(s, UV_ECANCELED);
        tell_written(s);
    }
}

static void on_stream_io(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    uv_stream_t *s = (uv_stream_t *) ((char *) w - offsetof(uv_stream_t, io_watcher));

    if (s->connect_req) {
        stream_connected(s);
        return;
    }
    if (events & (POLLIN | POLLERR | POLLHUP))
        stream_read(s);
    if (w->fd < 0)
        return;
    if ((events & POLLHUP) && (s->flags & H_READING) && (s->flags & H_READ_PARTIAL) && !(s->flags & H_READ_EOF)) {
        uv_buf_t buf = {NULL, 0};

        stream_eof(s, &buf);
    }
    if (w->fd < 0)
        return;
    if (events & (POLLOUT | POLLERR | POLLHUP)) {
        write_some(s);
        tell_written(s);
        if (w->fd >= 0 && !HEAD(s))
            io_stop(l, w, POLLOUT);
    }
}

void stream_close(uv_stream_t *s)
{
    io_close(s->loop, &s->io_watcher);
    uv_read_stop(s);
    h_stop((uv_handle_t *) s);
    if (s->io_watcher.fd >= 0)
        fd_close(proc_of(s->loop), s->io_watcher.fd);
    s->io_watcher.fd = -1;
    if (s->accepted_fd >= 0)
        fd_close(proc_of(s->loop), s->accepted_fd);
    s->accepted_fd = -1;
}

void stream_finish(uv_stream_t *s)
{
    uv_connect_t *req = s->connect_req;

    if (req) {
        s->connect_req = NULL;
        uloop_of(s->loop)->n_reqs--;
        if (req->cb)
            req->cb(req, UV_ECANCELED);
    }
    flush_with(s, UV_ECANCELED);
    tell_written(s);
    io_close(s->loop, &s->io_watcher);
}

/* ---- UDP ---- */

#define SEND_NEXT(r) (*(uv_udp_send_t **) &(r)->queue[0])
#define UDP_DONE(u)  (*(uv_udp_send_t **) &(u)->write_completed_queue[0])

static void udp_tell_sent(uv_udp_t *u)
{
    uv_udp_send_t *req = UDP_DONE(u), *next;

    UDP_DONE(u) = NULL;
    for (; req; req = next) {
        next = SEND_NEXT(req);
        uloop_of(u->loop)->n_reqs--;
        if (req->send_cb)
            req->send_cb(req, (int) req->status < 0 ? (int) req->status : 0);
    }
}

static void udp_read(uv_udp_t *u)
{
    for (int i = 0; i < READS_A_TURN && u->io_watcher.fd >= 0 && u->recv_cb; i++) {
        struct sockaddr_in from = {0};
        socklen_t len = sizeof from;
        uv_buf_t buf = {NULL, 0};
        ssize_t n;

        u->alloc_cb((uv_handle_t *) u, 64 * 1024, &buf);
        if (!buf.base || buf.len == 0) {
            u->recv_cb(u, UV_ENOBUFS, &buf, NULL, 0);
            return;
        }
        n = vsock_recv(sock_of(u->loop, u->io_watcher.fd), buf.base, buf.len, 0, (struct sockaddr *) &from, &len);
        if (n < 0) {
            u->recv_cb(u, n == -EAGAIN ? 0 : n, &buf, NULL, 0);
            return;
        }
        u->recv_cb(u, n, &buf, (struct sockaddr *) &from, 0);
    }
}

static void on_udp_io(uv_loop_t *l, uv__io_t *w, unsigned events)
{
    uv_udp_t *u = (uv_udp_t *) ((char *) w - offsetof(uv_udp_t, io_watcher));

    (void) l;
    if (events & POLLIN)
        udp_read(u);
    if (events & POLLOUT)
        udp_tell_sent(u);
}

int uv_udp_init(uv_loop_t *l, uv_udp_t *u)
{
    h_init(l, (uv_handle_t *) u, UV_UDP);
    u->alloc_cb = NULL;
    u->recv_cb = NULL;
    u->send_queue_size = 0;
    u->send_queue_count = 0;
    UDP_DONE(u) = NULL;
    io_init(&u->io_watcher, on_udp_io, -1);
    return 0;
}

static int udp_need_fd(uv_udp_t *u)
{
    if (u->io_watcher.fd < 0)
        u->io_watcher.fd = fd_open(proc_of(u->loop), &vsock_new(proc_of(u->loop), AF_INET, SOCK_DGRAM)->base);
    return u->io_watcher.fd < 0 ? u->io_watcher.fd : 0;
}

int uv_udp_bind(uv_udp_t *u, const struct sockaddr *sa, unsigned flags)
{
    int r = udp_need_fd(u);

    (void) flags;
    return r < 0 ? r : vsock_bind(sock_of(u->loop, u->io_watcher.fd), sa, sizeof(struct sockaddr_in));
}

int uv_udp_connect(uv_udp_t *u, const struct sockaddr *sa)
{
    int r = udp_need_fd(u);

    return r < 0 ? r : vsock_connect(sock_of(u->loop, u->io_watcher.fd), sa, sizeof(struct sockaddr_in));
}

int uv_udp_recv_start(uv_udp_t *u, uv_alloc_cb alloc, uv_udp_recv_cb recv)
{
    int r = udp_need_fd(u);

    if (r < 0)
        return r;
    u->alloc_cb = alloc;
    u->recv_cb = recv;
    io_start(u->loop, &u->io_watcher, POLLIN);
    h_start((uv_handle_t *) u);
    return 0;
}

int uv_udp_recv_stop(uv_udp_t *u)
{
    io_stop(u->loop, &u->io_watcher, POLLIN);
    h_stop((uv_handle_t *) u);
    u->alloc_cb = NULL;
    u->recv_cb = NULL;
    return 0;
}

int uv_udp_try_send(uv_udp_t *u, const uv_buf_t bufs[], unsigned n, const struct sockaddr *to)
{
    int r = udp_need_fd(u);

    if (r < 0)
        return r;
    if (n != 1)
        return UV_EINVAL;
    return (int) vsock_send(sock_of(u->loop, u->io_watcher.fd), bufs[0].base, bufs[0].len, to, sizeof(struct sockaddr_in));
}

int uv_udp_send(uv_udp_send_t *req, uv_udp_t *u, const uv_buf_t bufs[], unsigned n, const struct sockaddr *to, uv_udp_send_cb cb)
{
    uv_udp_send_t **at = &UDP_DONE(u);

    req->type = UV_UDP_SEND;
    req->handle = u;
    req->send_cb = cb;
    req->status = uv_udp_try_send(u, bufs, n, to);
    SEND_NEXT(req) = NULL;
    while (*at)
        at = &SEND_NEXT(*at);
    *at = req;
    uloop_of(u->loop)->n_reqs++;
    io_feed(u->loop, &u->io_watcher);
    return 0;
}

size_t uv_udp_get_send_queue_size(const uv_udp_t *u)
{
    return u->send_queue_size;
}

void udp_close(uv_udp_t *u)
{
    io_close(u->loop, &u->io_watcher);
    h_stop((uv_handle_t *) u);
    if (u->io_watcher.fd >= 0)
        fd_close(proc_of(u->loop), u->io_watcher.fd);
    u->io_watcher.fd = -1;
}

void udp_finish(uv_udp_t *u)
{
    udp_tell_sent(u);
    u->recv_cb = NULL;
}

int uv_fileno(const uv_handle_t *h, uv_os_fd_t *out)
{
    int fd = h->type == UV_TCP    ? ((const uv_tcp_t *) h)->io_watcher.fd
             : h->type == UV_UDP  ? ((const uv_udp_t *) h)->io_watcher.fd
             : h->type == UV_POLL ? ((const uv_poll_t *) h)->io_watcher.fd
                                  : -1;

    if (fd < 0 || h_is_closing(h))
        return UV_EBADF;
    *out = fd;
    return 0;
}

int uv_tcp_getsockname(const uv_tcp_t *h, struct sockaddr *sa, int *len)
{
    struct vsock *s = sock_of(h->loop, h->io_watcher.fd);

    return s ? vsock_name(s, false, sa, (socklen_t *) len) : UV_EBADF;
}

int uv_ip4_addr(const char *ip, int port, struct sockaddr_in *out)
{
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    out->sin_port = htons((uint16_t) port);
    return inet_pton(AF_INET, ip, &out->sin_addr) == 1 ? 0 : UV_EINVAL;
}

int uv_recv_buffer_size(uv_handle_t *h, int *n)
{
    (void) h;
    (void) n;
    return 0;
}
