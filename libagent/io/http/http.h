/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous HTTP and HTTPS requests on a libuv loop. Each call is a process of its own (http_child.h), which does it with
 * libcurl and ends: the program keeps nothing of libcurl and of TLS in its memory, and the loop never blocks.
 *
 * One ag_http per user of a loop; it owns its calls. A call ends exactly once: by on_done, or silently by
 * ag_http_cancel() or ag_http_close(). Every callback may start and cancel calls and close the whole thing.
 *
 * The process gets the request through a pipe, secrets included: they are in no argument and no environment. Of the program's
 * other descriptors it has standard error only, of its rights none, and it ends with the program. HTTP/1.1 only. No secrets
 * reach a log: nothing here logs, and the texts of results name neither URL nor body.
 */
#ifndef AG_HTTP_H
#define AG_HTTP_H

#include <uv.h>
#include "libagent/io/http/http_request.h"

enum { AG_HTTP_CALLS_MAX = 64 }; /* under way per ag_http */

struct ag_http;
struct ag_http_call;

/* 0 or -ENOMEM. */
int ag_http_new(struct ag_http **out, uv_loop_t *loop);

/* Ends every call without on_done; on_closed (may be NULL) runs when no handle is open any more, and then h
   is freed. Safe inside any callback. Idempotent until then. */
void ag_http_close(struct ag_http *h, void (*on_closed)(void *user), void *user);

/*
 * Begins a call; never calls back before it returns. 0, -EINVAL (URL scheme, no on_done), -ENOMEM, -EBUSY (too many calls),
 * -E2BIG (more than 32 headers), -ESHUTDOWN (closing). When no process can be started, on_done says so. *out, when out is
 * not NULL, is valid until on_done has run.
 */
int ag_http_send(struct ag_http *h, const struct ag_http_request *req, struct ag_http_call **out);

/* Gives up a call; on_done will not run. NULL is fine. */
void ag_http_cancel(struct ag_http_call *call);

/* A header of the last answer, from on_begin, on_data or on_done only. NULL when absent. */
const char *ag_http_header(const struct ag_http_call *call, const char *name);

#endif
