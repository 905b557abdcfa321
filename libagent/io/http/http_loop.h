/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface driven by libuv: one uv_poll per socket of curl, one uv_timer. It knows nothing
 * of requests.
 *
 * Invariant: libcurl is entered from http_loop_drive() only (and from adding and removing handles), never
 * from one of its own callbacks; in_curl tells. Finished transfers are handed out after libcurl has returned.
 */
#ifndef AG_HTTP_LOOP_H
#define AG_HTTP_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>
#include "libagent/core/list.h"

struct http_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct ag_list socks; /* struct http_sock */
    unsigned n_open;      /* uv handles whose close callback is still to come */
    bool in_curl;
    bool closing;
    void (*on_done)(struct http_loop *l, CURL *easy, CURLcode code); /* may remove the handle, may close */
    void (*on_turn)(struct http_loop *l);                            /* after each return from libcurl: deferred work */
    void (*on_closed)(struct http_loop *l);                          /* the last use of *l */
};

/* Caller's memory, which must live until on_closed. The three hooks are set by the caller before. 0 or -EIO.
 */
int http_loop_open(struct http_loop *l, uv_loop_t *loop);

/* All easy handles must have been removed, and libcurl must not be running (in_curl false). */
void http_loop_close(struct http_loop *l);

#endif
