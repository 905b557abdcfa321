/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/stream.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_QUEUE_MAX = 512 * 1024, STREAM_BLOCK = 8192 };

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
    s->streams->n--;
    s->on_end(s, s->user);
    ag_buf_deinit(&s->out);
    free(s);
}

struct web_stream *web_stream_open(struct web_streams *streams, struct web_request *req, web_stream_end_fn on_end, void *user)
{
    struct web_stream *s = streams->n < WEB_STREAMS ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    req->made = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_read, s, on_free);
    if (!req->made) {
        free(s);
        return NULL;
    }
    s->streams = streams;
    s->pump = req->pump;
    s->mhd = req->conn->mhd;
    s->on_end = on_end;
    s->user = user;
    ag_list_append(&streams->all, &s->all);
    streams->n++;
    req->status = 200;
    req->type = "text/event-stream";
    return s;
}

static void wake(struct web_stream *s)
{
    if (!s->suspended)
        return;
    s->suspended = false;
    MHD_resume_connection(s->mhd);
    web_pump_kick(s->pump);
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
        s->over = true; /* the page connects again by itself */
    }
    wake(s);
}

void web_stream_ping(struct web_stream *s)
{
    if (!s->over && ag_buf_append_str(&s->out, ":\n\n") < 0)
        s->over = true;
    wake(s);
}

void web_stream_end(struct web_stream *s)
{
    s->over = true;
    wake(s);
}

void web_streams_end(struct web_streams *streams)
{
    ag_list_for_each (it, &streams->all)
        web_stream_end(ag_list_entry(it, struct web_stream, all));
}
