/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"
#include "libagent/io/http/http_child.h"
#include "libagent/io/http/http_wire.h"

enum { READ_SIZE = 16 * 1024 };

struct ag_http {
    uv_loop_t *loop;
    uv_timer_t timer;     /* never started: on_closed() comes from its closing at the earliest */
    struct ag_list calls; /* struct ag_http_call */
    unsigned n_calls;
    unsigned n_open; /* the timer, and calls that have not closed yet */
    bool closing;
    void (*on_closed)(void *user);
    void *closed_user;
};

struct ag_http_call {
    struct ag_http *owner;
    struct ag_list link;        /* in owner->calls until it has ended */
    struct ag_http_request req; /* its pointers to the caller's memory are not used after ag_http_send() */
    uv_process_t process;
    uv_pipe_t line;
    uv_write_t write;
    unsigned n_handles;
    bool running; /* the process has not been waited for */
    bool ended;   /* on_done has run, or will not */
    bool begun;   /* on_begin has run */
    int failed;   /* there is no process: negative errno */
    struct ag_buf ask, in, answer;
    struct ag_buf headers; /* of the last answer, as they came */
    int status;
    uint64_t length, n_streamed; /* n_streamed: offset of the next byte */
};

static void http_put(struct ag_http *h)
{
    void (*on_closed)(void *user) = h->on_closed;
    void *user = h->closed_user;

    if (--h->n_open > 0)
        return;
    free(h);
    if (on_closed)
        on_closed(user);
}

static void call_free(struct ag_http_call *c)
{
    ag_buf_deinit(&c->ask);
    ag_buf_deinit(&c->in);
    ag_buf_deinit(&c->answer);
    ag_buf_deinit(&c->headers);
    free(c);
}

/* ---- how it ends ---- */

/* Nothing of it is called any more. */
static void call_leave(struct ag_http_call *c)
{
    c->ended = true;
    ag_list_del(&c->link);
    c->owner->n_calls--;
}

static void call_done(struct ag_http_call *c, enum ag_http_end end, const char *why)
{
    struct ag_http_result result = {.end = end, .status = c->status, .body = ag_buf_span(&c->answer), .why = why};

    call_leave(c); /* on_done may close everything */
    c->req.on_done(c->req.user, &result);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ag_http_call *c = handle->data;
    struct ag_http *h = c->owner;
    char why[128];

    if (--c->n_handles > 0)
        return;
    if (!c->ended) {
        snprintf(why, sizeof why, "no process for the request: %s", strerror(-c->failed));
        call_done(c, AG_HTTP_E_OTHER, why);
    }
    call_free(c);
    http_put(h);
}

/* The process is waited for by the loop; then its handle closes too. */
static void call_close(struct ag_http_call *c)
{
    if (c->running)
        uv_process_kill(&c->process, SIGKILL);
    uv_close((uv_handle_t *) &c->line, on_handle_closed);
    if (!c->running)
        uv_close((uv_handle_t *) &c->process, on_handle_closed);
}

static void on_process_end(uv_process_t *p, int64_t status, int number)
{
    struct ag_http_call *c = p->data;

    (void) status;
    (void) number;
    c->running = false;
    if (c->ended)
        uv_close((uv_handle_t *) p, on_handle_closed);
}

static void call_finish(struct ag_http_call *c, enum ag_http_end end, const char *why)
{
    call_done(c, end, why);
    call_close(c);
}

void ag_http_cancel(struct ag_http_call *call)
{
    if (!call || call->ended)
        return;
    call_leave(call);
    if (!call->failed) /* else it is closing */
        call_close(call);
}

/* ---- the answer as it comes ---- */

/* "bytes 100-199/1000" or with a star for an unknown whole. */
static bool call_content_range(const struct ag_http_call *c, uint64_t *from_out, uint64_t *total_out)
{
    const char *value = ag_http_header(c, "Content-Range");
    unsigned long long from, to, total;
    int n = 0;

    if (!value || sscanf(value, "bytes %llu-%llu/%n", &from, &to, &n) != 2 || n == 0)
        return false;
    *from_out = from;
    *total_out = sscanf(value + n, "%llu", &total) == 1 ? total : UINT64_MAX;
    return true;
}

static enum ag_http_end call_begin(struct ag_http_call *c)
{
    uint64_t offset = 0, total = c->length;

    c->begun = true;
    if (c->status == 206 && (!call_content_range(c, &offset, &total) || offset != c->req.range_from))
        return AG_HTTP_E_RANGE;
    c->n_streamed = offset;
    if (c->req.max_stream && total != UINT64_MAX && total > c->req.max_stream)
        return AG_HTTP_E_TOO_BIG;
    if (c->req.on_begin && c->req.on_begin(c->req.user, offset, total) < 0)
        return AG_HTTP_E_ABORTED;
    return AG_HTTP_OK;
}

static enum ag_http_end call_stream(struct ag_http_call *c, struct ag_span bytes)
{
    enum ag_http_end end = c->begun ? AG_HTTP_OK : call_begin(c);

    if (end != AG_HTTP_OK || c->ended)
        return end;
    c->n_streamed += bytes.len;
    if (c->req.max_stream && c->n_streamed > c->req.max_stream)
        return AG_HTTP_E_TOO_BIG;
    return c->req.on_data(c->req.user, bytes.p, bytes.len) < 0 ? AG_HTTP_E_ABORTED : AG_HTTP_OK;
}

static bool call_streams(const struct ag_http_call *c)
{
    return c->req.on_data && (c->status == 200 || c->status == 206);
}

static enum ag_http_end call_take_begin(struct ag_http_call *c, const struct http_wire_frame *f)
{
    if (c->begun)
        return AG_HTTP_E_OTHER;
    ag_buf_clear(&c->answer);
    ag_buf_clear(&c->headers);
    c->status = f->status;
    c->length = f->length;
    return ag_buf_append_span(&c->headers, f->bytes) < 0 ? AG_HTTP_E_OTHER : AG_HTTP_OK;
}

static enum ag_http_end call_take_data(struct ag_http_call *c, const struct http_wire_frame *f)
{
    if (c->status == 0)
        return AG_HTTP_E_OTHER;
    if (call_streams(c))
        return call_stream(c, f->bytes);
    if (f->bytes.len > c->req.max_body - ag_buf_size(&c->answer))
        return AG_HTTP_E_TOO_BIG;
    return ag_buf_append_span(&c->answer, f->bytes) < 0 ? AG_HTTP_E_OTHER : AG_HTTP_OK;
}

static void call_take_end(struct ag_http_call *c, const struct http_wire_frame *f)
{
    enum ag_http_end end = f->end;

    if (end == AG_HTTP_OK && c->status == 0)
        end = AG_HTTP_E_OTHER;
    else if (end == AG_HTTP_OK && call_streams(c) && !c->begun)
        end = call_begin(c); /* a body of no bytes */
    if (!c->ended)
        call_finish(c, end, end == AG_HTTP_OK ? "" : f->end == end && f->bytes.p[0] ? f->bytes.p : ag_http_end_name(end));
}

static void call_take(struct ag_http_call *c, const struct http_wire_frame *f)
{
    enum ag_http_end end;

    if (f->type == HTTP_WIRE_END) {
        call_take_end(c, f);
        return;
    }
    end = f->type == HTTP_WIRE_BEGIN ? call_take_begin(c, f) : call_take_data(c, f);
    if (end != AG_HTTP_OK && !c->ended)
        call_finish(c, end, ag_http_end_name(end));
}

/* Callbacks may end the call; it stays in memory until its handles have closed. */
static void call_take_all(struct ag_http_call *c)
{
    struct http_wire_frame f;
    size_t size;
    int r = 0;

    while (!c->ended && (r = http_wire_get_frame(ag_buf_span(&c->in), &f, &size)) > 0) {
        call_take(c, &f);
        ag_buf_consume(&c->in, size);
    }
    if (r < 0 && !c->ended)
        call_finish(c, AG_HTTP_E_OTHER, "the process of the request said nonsense");
}

/* ---- the process ---- */

static void on_room(uv_handle_t *handle, size_t n, uv_buf_t *out)
{
    struct ag_http_call *c = handle->data;

    (void) n;
    if (ag_buf_reserve(&c->in, READ_SIZE) < 0)
        *out = uv_buf_init(NULL, 0); /* on_bytes() gets UV_ENOBUFS */
    else
        *out = uv_buf_init(c->in.data + c->in.len, READ_SIZE);
}

static void on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct ag_http_call *c = s->data;

    (void) buf;
    if (n > 0) {
        c->in.len += (size_t) n;
        call_take_all(c);
    } else if (n < 0) {
        call_finish(c, AG_HTTP_E_OTHER, n == UV_EOF ? "the process of the request ended early" : uv_strerror((int) n));
    }
}

/* If it could not be written, the end of the answer shows it. */
static void on_asked(uv_write_t *w, int status)
{
    struct ag_http_call *c = w->data;

    (void) status;
    ag_buf_deinit(&c->ask);
}

/* This program, even when its file has been replaced since; where /proc is not mounted, the path that it was started by. */
static const char *this_program(void)
{
    static const char self[] = "/proc/self/exe";
    const char *path = (const char *) getauxval(AT_EXECFN);

    return access(self, X_OK) < 0 && path && path[0] == '/' ? path : self;
}

static int call_spawn(struct ag_http_call *c)
{
    char *args[] = {"miio_http", AG_HTTP_CHILD_ARG, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *) &c->line},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}}; /* for the loader's messages, if any */
    const uv_process_options_t o = {
        .exit_cb = on_process_end, .file = this_program(), .args = args, .stdio = stdio, .stdio_count = 3};
    int r = uv_spawn(c->owner->loop, &c->process, &o);

    c->process.data = c;
    c->running = r == 0;
    return r;
}

static int call_ask(struct ag_http_call *c)
{
    uv_buf_t ask = uv_buf_init(c->ask.data + c->ask.off, (unsigned) ag_buf_size(&c->ask));
    int r = call_spawn(c);

    if (r == 0)
        r = uv_write(&c->write, (uv_stream_t *) &c->line, &ask, 1, on_asked);
    if (r == 0)
        r = uv_read_start((uv_stream_t *) &c->line, on_room, on_bytes);
    return r;
}

/* ---- calls ---- */

static bool url_allowed(const char *url)
{
    return url && (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
}

static struct ag_http_call *call_new(struct ag_http *h, const struct ag_http_request *req)
{
    struct ag_http_call *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->owner = h;
    c->req = *req;
    if (c->req.max_body == 0)
        c->req.max_body = AG_HTTP_BODY_MAX;
    c->ask.secret = c->in.secret = c->answer.secret = true; /* passcodes, keys */
    c->process.data = c->line.data = c->write.data = c;
    return c;
}

int ag_http_send(struct ag_http *h, const struct ag_http_request *req, struct ag_http_call **out)
{
    struct ag_http_call *c;
    int r;

    if (!req->on_done || !url_allowed(req->url))
        return -EINVAL;
    if (h->closing)
        return -ESHUTDOWN;
    if (h->n_calls >= AG_HTTP_CALLS_MAX)
        return -EBUSY;
    c = call_new(h, req);
    if (!c)
        return -ENOMEM;
    r = http_wire_put_request(&c->ask, req);
    if (r < 0) {
        call_free(c);
        return r;
    }
    uv_pipe_init(h->loop, &c->line, 0);
    c->n_handles = 2;
    h->n_open++;
    h->n_calls++;
    ag_list_append(&h->calls, &c->link);
    c->failed = call_ask(c);
    if (c->failed)
        call_close(c); /* what is wrong is reported when that is done */
    if (out)
        *out = c;
    return 0;
}

const char *ag_http_header(const struct ag_http_call *call, const char *name)
{
    return http_wire_header(ag_buf_span(&call->headers), name);
}

/* ---- life ---- */

int ag_http_new(struct ag_http **out, uv_loop_t *loop)
{
    struct ag_http *h = calloc(1, sizeof *h);

    if (!h)
        return -ENOMEM;
    ag_list_init(&h->calls);
    h->loop = loop;
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    h->n_open = 1;
    *out = h;
    return 0;
}

static void on_timer_closed(uv_handle_t *t)
{
    http_put(t->data);
}

void ag_http_close(struct ag_http *h, void (*on_closed)(void *user), void *user)
{
    if (!h || h->closing)
        return;
    h->on_closed = on_closed;
    h->closed_user = user;
    h->closing = true;
    uv_close((uv_handle_t *) &h->timer, on_timer_closed);
    ag_list_for_each_safe (it, &h->calls)
        ag_http_cancel(ag_list_entry(it, struct ag_http_call, link));
}
