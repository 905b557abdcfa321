/* SPDX-License-Identifier: MIT */
/* What goes out: libmicrohttpd's answers with the headers that every one of ours has. */
#ifndef WEB_RESPOND_H
#define WEB_RESPOND_H

#include "agent/apps/web/io/request.h"

/* Queues the answer, or the stream, of a request. */
enum MHD_Result web_respond(struct web_request *req);

#endif
