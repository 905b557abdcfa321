/* SPDX-License-Identifier: MIT */
/* Server-sent events: an endless answer. */
#ifndef WEB_STREAM_H
#define WEB_STREAM_H

#include "agent/apps/web/io/request.h"

enum { WEB_STREAMS = 12 }; /* open pages */

struct web_streams {
    struct ag_list all;
    unsigned n;
};

struct web_stream;

/* A stream's connection has gone, or the server ends. */
typedef void (*web_stream_end_fn)(struct web_stream *stream, void *user);

struct web_stream {
    struct ag_list all; /* in streams.all */
    struct web_streams *streams;
    struct web_pump *pump;
    struct MHD_Connection *mhd;
    struct ag_buf out;
    bool suspended, over;
    web_stream_end_fn on_end;
    void *user;
};

/* Makes an endless answer of a request that is in its handler. NULL: too many, or no memory; answer it otherwise. */
struct web_stream *web_stream_open(struct web_streams *streams, struct web_request *req, web_stream_end_fn on_end, void *user);
/* "event: NAME\ndata: DATA\n\n"; data has no line end in it. A page that does not read loses the stream. */
void web_stream_send(struct web_stream *stream, const char *event, struct ag_span data);
/* A line that says nothing, so that a dead connection is found. */
void web_stream_ping(struct web_stream *stream);
/* Its connection ends when what is queued has been sent; on_end follows. */
void web_stream_end(struct web_stream *stream);
/* The same for all of them. */
void web_streams_end(struct web_streams *streams);

#endif
