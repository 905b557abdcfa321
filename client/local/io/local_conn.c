/* SPDX-License-Identifier: MIT */
#include "client/local/io/local_conn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/codes.h"

enum { FLY_MAX = 32 * 1024 };

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct local_conn *c = h->data;

    (void) suggested;
    *buf = uv_buf_init(c->read_buf, LOCAL_READ_SIZE);
    if (c->full_read) { /* libuv would go on reading: an empty buffer makes it come back in the next turn */
        c->full_read = false;
        buf->len = 0;
    }
}

static void conn_end(struct local_conn *c, const char *why)
{
    if (c->ended)
        return;
    c->ended = true;
    uv_read_stop((uv_stream_t *) &c->tcp);
    c->events->ended(c, why);
}

/* The last words to a peer that broke the rules. */
static void complain(struct local_conn *c, int code, const char *why)
{
    char text[128];
    int n = snprintf(text, sizeof text, "{\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, why);

    local_conn_queue(c, (struct ag_span){text, (size_t) n});
    local_conn_push(c);
}

static void take_bytes(struct local_conn *c, const char *data, size_t n)
{
    struct ag_text text;
    int r;

    ag_framer_lend(&c->framer, data, n);
    while (!c->ended && !c->doomed && (r = ag_framer_next(&c->framer, &text)) != 0) {
        if (r > 0 && text.kind != AG_FRAMER_JSON)
            r = AG_FRAMER_E_SYNTAX;
        if (r < 0) {
            complain(c, AG_CODE_PARSE, ag_framer_strerror(r));
            conn_end(c, ag_framer_strerror(r));
            return;
        }
        c->spoken = true;
        c->events->text(c, &text);
    }
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct local_conn *c = s->data;

    if (n == UV_ENOBUFS || n == 0)
        return;
    if (n < 0) {
        local_conn_flush(c); /* a peer that asked and closed its side still gets what was answered */
        conn_end(c, n == UV_EOF ? NULL : uv_strerror((int) n));
        return;
    }
    c->full_read = n == LOCAL_READ_SIZE;
    take_bytes(c, buf->base, (size_t) n);
    c->events->changed(c);
}

int local_conn_init(struct local_conn *c, uv_loop_t *loop)
{
    ag_framer_init(&c->framer, LOCAL_TEXT_MAX, LOCAL_DEPTH_MAX, NULL);
    ag_list_init(&c->dirty);
    c->queue.secret = c->flying.secret = true;
    c->tcp.data = c;
    return uv_tcp_init(loop, &c->tcp);
}

int local_conn_start(struct local_conn *c, uv_stream_t *listener)
{
    int r = uv_accept(listener, (uv_stream_t *) &c->tcp);

    if (r == 0)
        uv_tcp_nodelay(&c->tcp, 1);
    return r == 0 ? uv_read_start((uv_stream_t *) &c->tcp, on_alloc, on_read) : r;
}

int local_conn_queue(struct local_conn *c, struct ag_span text)
{
    if (c->closing || c->doomed || c->deaf)
        return 0;
    if (ag_buf_size(&c->queue) + ag_buf_size(&c->flying) + text.len > LOCAL_QUEUE_MAX) {
        c->overflow = true;
        return -ENOBUFS;
    }
    return ag_buf_append_span(&c->queue, text);
}

/* A peer that has gone takes nothing any more. What it has sent before that is still read; its end comes behind it. */
static void write_failed(struct local_conn *c, int r)
{
    if (r != UV_EPIPE && r != UV_ECONNRESET) {
        conn_end(c, uv_strerror(r));
        return;
    }
    c->deaf = true;
    ag_buf_deinit(&c->queue);
}

static void on_written(uv_write_t *w, int status)
{
    struct local_conn *c = w->data;

    ag_buf_deinit(&c->flying);
    if (status == UV_ECANCELED)
        return;
    if (status < 0)
        write_failed(c, status);
    local_conn_flush(c);
    c->events->changed(c);
}

/* Helpers are sent keys and tokens: what has gone leaves no copy. */
static void drop_sent(struct local_conn *c, size_t n)
{
    explicit_bzero(c->queue.data + c->queue.off, n);
    ag_buf_consume(&c->queue, n);
}

/* Only a piece, so that it shows when the peer reads again: what is being written cannot be freed before the socket is closed. */
static void fly(struct local_conn *c)
{
    size_t n = ag_buf_size(&c->queue) < FLY_MAX ? ag_buf_size(&c->queue) : FLY_MAX;
    uv_buf_t buf;
    int r = ag_buf_append(&c->flying, ag_buf_head(&c->queue), n);

    if (r < 0) {
        conn_end(c, strerror(-r));
        return;
    }
    drop_sent(c, n);
    buf = uv_buf_init((char *) ag_buf_head(&c->flying), (unsigned) ag_buf_size(&c->flying));
    c->write.data = c;
    r = uv_write(&c->write, (uv_stream_t *) &c->tcp, &buf, 1, on_written);
    if (r < 0) {
        ag_buf_deinit(&c->flying);
        write_failed(c, r);
    }
}

/* 0 or a libuv error. */
static int try_write(struct local_conn *c)
{
    uv_buf_t buf;
    int n;

    if (c->closing || ag_buf_size(&c->queue) == 0 || ag_buf_size(&c->flying) > 0)
        return 0;
    buf = uv_buf_init((char *) ag_buf_head(&c->queue), (unsigned) ag_buf_size(&c->queue));
    n = uv_try_write((uv_stream_t *) &c->tcp, &buf, 1);
    if (n > 0)
        drop_sent(c, (size_t) n);
    if (ag_buf_size(&c->queue) == 0 && c->queue.cap > LOCAL_READ_SIZE)
        ag_buf_deinit(&c->queue); /* one large text for many peers must not stay with each of them */
    return n < 0 && n != UV_EAGAIN ? n : 0;
}

void local_conn_push(struct local_conn *c)
{
    (void) try_write(c); /* an error shows again at the flush, when it may be told */
}

void local_conn_doom(struct local_conn *c, const char *why)
{
    bool between = ag_buf_size(&c->queue) == 0 && ag_buf_size(&c->flying) == 0;

    ag_buf_deinit(&c->queue);
    if (between)
        complain(c, AG_CODE_BUSY, why);
    c->doomed = true;
    uv_read_stop((uv_stream_t *) &c->tcp);
}

size_t local_conn_held(const struct local_conn *c)
{
    return ag_framer_held(&c->framer) + c->queue.len + c->flying.len;
}

void local_conn_flush(struct local_conn *c)
{
    int r;

    if (c->closing || ag_buf_size(&c->queue) == 0 || ag_buf_size(&c->flying) > 0)
        return;
    r = try_write(c);
    if (r < 0)
        write_failed(c, r);
    else if (ag_buf_size(&c->queue) > 0)
        fly(c);
}

static void on_closed(uv_handle_t *h)
{
    struct local_conn *c = h->data;

    ag_framer_deinit(&c->framer);
    ag_buf_deinit(&c->queue);
    ag_buf_deinit(&c->flying);
    c->events->closed(c);
}

void local_conn_close(struct local_conn *c)
{
    if (c->closing)
        return;
    local_conn_flush(c);
    c->closing = c->ended = true;
    ag_list_del(&c->dirty);
    uv_close((uv_handle_t *) &c->tcp, on_closed);
}
