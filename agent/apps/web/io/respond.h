/* SPDX-License-Identifier: MIT */
/* What goes out: libmicrohttpd's answers with the headers that every one of ours has, and streams. */
#ifndef WEB_RESPOND_H
#define WEB_RESPOND_H

#include "agent/apps/web/io/server.h"

/* Queues the answer, or the stream, of a request. */
enum MHD_Result web_respond(struct web_request *req);
/* Something is there to be sent; server.c's. */
void web_stream_wake(struct web_stream *stream);

#endif
