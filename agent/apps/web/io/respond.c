/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/respond.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_QUEUE_MAX = 512 * 1024, STREAM_BLOCK = 8192 };

static const char security[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* ---- answers ---- */

static void add_headers(struct MHD_Response *r, const struct web_request *req)
{
    MHD_add_response_header(r, "Content-Type", req->type ? req->type : "application/json");
    MHD_add_response_header(r, "Content-Security-Policy", security);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "X-Frame-Options", "DENY");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    if (req->server->tls) /* without it browsers complain and do nothing */
        MHD_add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    MHD_add_response_header(r, "Cache-Control", req->etag ? "no-cache" : "no-store");
    if (req->etag)
        MHD_add_response_header(r, "ETag", req->etag);
    if (req->disposition)
        MHD_add_response_header(r, "Content-Disposition", req->disposition);
    if (req->set_cookie[0])
        MHD_add_response_header(r, "Set-Cookie", req->set_cookie);
    if (req->status == 405)
        MHD_add_response_header(r, "Allow", req->route.allow);
}

static struct MHD_Response *make_answer(struct web_request *req)
{
    size_t n = ag_buf_size(&req->answer);
    char seconds[16];
    struct MHD_Response *r;

    if (req->fixed)
        r = MHD_create_response_from_buffer(req->fixed_len, (void *) (uintptr_t) req->fixed, MHD_RESPMEM_PERSISTENT);
    else /* the request lives until the answer has been sent */
        r = MHD_create_response_from_buffer(n, (void *) (uintptr_t) ag_buf_span(&req->answer).p, MHD_RESPMEM_PERSISTENT);
    if (r && req->retry_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", req->retry_s);
        MHD_add_response_header(r, "Retry-After", seconds);
    }
    /* what was not read of a body would be taken for the next request */
    if (r && req->status == 413)
        MHD_add_response_header(r, "Connection", "close");
    return r;
}

/* ---- streams ---- */

static ssize_t on_read(void *user, uint64_t at, char *out, size_t max)
{
    struct web_stream *s = user;
    size_t n = ag_buf_size(&s->out);

    (void) at;
    if (n == 0 && s->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        s->suspended = true;
        MHD_suspend_connection(s->mhd);
        return 0;
    }
    n = n < max ? n : max;
    memcpy(out, ag_buf_head(&s->out), n);
    ag_buf_consume(&s->out, n);
    return (ssize_t) n;
}

static void on_free(void *user)
{
    struct web_stream *s = user;

    ag_list_del(&s->all);
    s->server->n_streams--;
    s->on_end(s, s->user);
    ag_buf_deinit(&s->out);
    free(s);
}

struct web_stream *web_stream_open(struct web_request *req, web_stream_end_fn on_end, void *user)
{
    struct web_stream *s = req->server->n_streams < WEB_STREAMS ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->server = req->server;
    s->mhd = req->conn->mhd;
    s->on_end = on_end;
    s->user = user;
    ag_list_append(&req->server->streams, &s->all);
    req->server->n_streams++;
    req->stream = s;
    req->status = 200;
    req->type = "text/event-stream";
    return s;
}

static int put_event(struct ag_buf *out, const char *event, struct ag_span data)
{
    int r = ag_buf_printf(out, "event: %s\ndata: ", event);

    if (r == 0)
        r = ag_buf_append_span(out, data);
    return r == 0 ? ag_buf_append_str(out, "\n\n") : r;
}

void web_stream_send(struct web_stream *s, const char *event, struct ag_span data)
{
    size_t before = s->out.len;

    if (s->over)
        return;
    if (ag_buf_size(&s->out) + data.len > STREAM_QUEUE_MAX || put_event(&s->out, event, data) < 0) {
        s->out.len = before;
        s->over = true; /* the page comes again by itself */
    }
    web_stream_wake(s);
}

void web_stream_ping(struct web_stream *s)
{
    if (!s->over && ag_buf_append_str(&s->out, ":\n\n") < 0)
        s->over = true;
    web_stream_wake(s);
}

void web_stream_end(struct web_stream *s)
{
    s->over = true;
    web_stream_wake(s);
}

enum MHD_Result web_respond(struct web_request *req)
{
    struct MHD_Response *r;
    enum MHD_Result done = MHD_NO;

    if (req->stream) {
        struct web_stream *s = req->stream;

        req->stream = NULL;
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, s, on_free);
        if (!r)
            on_free(s);
    } else {
        r = make_answer(req);
    }
    if (r) {
        add_headers(r, req);
        done = MHD_queue_response(req->conn->mhd, req->status, r);
        MHD_destroy_response(r);
    }
    return done;
}
