/* SPDX-License-Identifier: MIT */
/*
 * HTTP on libmicrohttpd. The server owns connections, requests and what is sent; what a request means is its handler's.
 *
 * Nobody can hold it: a connection that has not sent a whole request for some seconds is closed, the oldest of those when
 * there are too many, so a new visitor always gets in; headers, bodies and connections are bounded.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include "agent/apps/web/io/request.h"
#include "agent/apps/web/io/stream.h"
#include "libagent/io/access/cred.h"

enum {
    WEB_CONNECTIONS = 64,     /* beyond them the oldest waiting one goes */
    WEB_CONNECTIONS_MAX = 80, /* hard end, of libmicrohttpd */
    WEB_REQUEST_MS = 15000,   /* for a whole request to come */
    WEB_STALL_S = 30,         /* then a connection on which nothing moves is closed */
    WEB_POOL = 16384          /* bytes a connection for its headers and what is sent */
};

typedef void (*web_handler_fn)(struct web_request *req, void *user);

struct web_server {
    uv_loop_t *loop;
    struct web_pump pump;
    bool tls;
    uv_timer_t reaper; /* runs while there are connections */
    struct ag_list conns, requests;
    unsigned n_conns;
    struct web_streams streams;
    struct ag_cred_asker asker;
    web_handler_fn handler;
    void *user;
};

struct web_server_options {
    int listen_fd;                  /* taken over */
    const char *cert_pem, *key_pem; /* texts; NULL: no TLS */
    web_handler_fn handler;
    void *user;
};

/* 0 or -errno (-ENOTSUP: libmicrohttpd without TLS); nothing is to be ended then. */
int web_server_open(struct web_server *s, uv_loop_t *loop, const struct web_server_options *o);
/* Ends streams and connections, as soon as all suspended requests have been answered. Idempotent. */
void web_server_close(struct web_server *s);

#endif
