/* SPDX-License-Identifier: MIT */
/*
 * HTTP on libmicrohttpd, in the loop of the program: no thread, no wake-up while nobody is connected. The server owns connections,
 * requests and what is sent; what a request means is its handler's.
 *
 * Nobody can hold it: a connection that has not sent a whole request for some seconds is closed, the oldest of those when there are too
 * many, so a new visitor always gets in; headers, bodies and connections are bounded.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <uv.h>
#include "agent/apps/web/core/gate.h"
#include "agent/apps/web/core/limiter.h"
#include "agent/apps/web/core/route.h"
#include "libagent/core/buf.h"
#include "libagent/core/list.h"
#include "libagent/io/access/cred.h"

enum {
    WEB_CONNECTIONS = 64,     /* beyond them the oldest waiting one goes */
    WEB_CONNECTIONS_MAX = 80, /* hard end, of libmicrohttpd */
    WEB_STREAMS = 12,         /* open pages */
    WEB_REQUEST_MS = 15000,   /* for a whole request to come */
    WEB_STALL_S = 30,         /* then a connection on which nothing moves is closed */
    WEB_POOL = 16384          /* bytes a connection for its headers and what is sent */
};

struct web_server;
struct web_request;
struct web_stream;

typedef void (*web_handler_fn)(struct web_request *req, void *user);
/* A stream's connection has gone, or the server ends. */
typedef void (*web_stream_end_fn)(struct web_stream *stream, void *user);

/* One accepted socket. */
struct web_conn {
    struct ag_list all; /* in server.conns, oldest first */
    struct MHD_Connection *mhd;
    int fd;
    uint64_t since_ms; /* of the request that is awaited */
    bool busy;         /* a whole request has come and is being answered */
    bool kicked;       /* shut down; libmicrohttpd will find out */
    bool uid_known;    /* of a peer on this machine */
    unsigned uid;
};

struct web_request {
    struct ag_list all; /* in server.requests */
    struct web_server *server;
    struct web_conn *conn;
    char *target;
    struct web_route route;
    struct web_headers headers;
    struct ag_span cookie;
    struct ag_buf body;
    bool secret; /* the body, or the answer, is wiped */
    bool too_large, seen, refused, suspended, answered;
    /* the answer */
    unsigned status;
    const char *type;
    const char *disposition; /* of a download; NULL: none */
    struct ag_buf answer;
    const void *fixed; /* instead of answer: bytes that never change */
    size_t fixed_len;
    const char *etag;
    char set_cookie[160];
    unsigned retry_s;
    struct web_stream *stream; /* instead of an answer */
    void *data;                /* the handler's, while the request is suspended */
};

/* Server-sent events: an endless answer. */
struct web_stream {
    struct ag_list all; /* in server.streams */
    struct web_server *server;
    struct MHD_Connection *mhd;
    struct ag_buf out;
    bool suspended, over;
    web_stream_end_fn on_end;
    void *user;
};

struct web_server {
    uv_loop_t *loop;
    struct MHD_Daemon *mhd;
    bool tls;
    uv_poll_t poll;
    uv_timer_t timer;  /* what libmicrohttpd wants to be called for */
    uv_timer_t reaper; /* runs while there are connections */
    bool open, pumping, closing;
    struct ag_list conns, requests, streams;
    unsigned n_conns, n_streams;
    struct ag_cred_asker asker;
    web_handler_fn handler;
    void *user;
    uint64_t refused; /* connections closed for want of room or of a request */
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

/*
 * Each request is answered once, inside the handler or later; body (req->answer) or fixed bytes are set before. From outside the handler
 * the request may be gone when this returns.
 */
void web_answer(struct web_request *req, unsigned status);
/* {"error":"text"} */
void web_answer_error(struct web_request *req, unsigned status, const char *text);
/* The handler returns without an answer: one comes later. */
void web_request_wait(struct web_request *req);

/* Makes an endless answer of a request that is in its handler. NULL: too many, or no memory; answer it otherwise. */
struct web_stream *web_stream_open(struct web_request *req, web_stream_end_fn on_end, void *user);
/* "event: NAME\ndata: DATA\n\n"; data has no line end in it. A page that does not read loses the stream. */
void web_stream_send(struct web_stream *stream, const char *event, struct ag_span data);
/* A line that says nothing, so that a dead connection is found. */
void web_stream_ping(struct web_stream *stream);
/* Its connection ends when what is queued has been sent; on_end follows. */
void web_stream_end(struct web_stream *stream);

/* Who is asking, for web_limiter. */
void web_request_key(const struct web_request *req, unsigned char key[WEB_LIMITER_KEY]);

#endif
