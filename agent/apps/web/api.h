/* SPDX-License-Identifier: MIT */
/* What each address of the page and of its API does. */
#ifndef WEB_API_H
#define WEB_API_H

#include "agent/apps/web/io/server.h"
#include "libagent/core/buf.h"

/* The server's handler; user is the struct web. */
void web_api_handle(struct web_request *req, void *user);

/* The model as the page wants it; into out. 0 or -errno. */
int web_model_print(const char *path, struct ag_buf *out);

#endif
