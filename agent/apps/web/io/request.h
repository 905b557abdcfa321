/* SPDX-License-Identifier: MIT */
/*
 * One request: what came, and the answer that it gets once, inside the handler or later. The body (req->answer) or fixed
 * bytes are set before it is answered.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "agent/apps/web/core/gate.h"
#include "agent/apps/web/core/limiter.h"
#include "agent/apps/web/core/route.h"
#include "agent/apps/web/io/pump.h"
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

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
    struct ag_list all;    /* in server.requests */
    struct web_pump *pump; /* the server's, as the two below */
    bool tls;
    void *user; /* of its handler */
    struct web_conn *conn;
    char *target;
    struct web_route route;
    struct web_headers headers;
    struct ag_span cookie;
    struct ag_buf body;
    bool secret; /* the body, or the answer, is wiped */
    bool too_large, seen, suspended, answered;
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
    struct MHD_Response *made; /* instead of all that: a stream's; goes when it is sent */
};

/* From outside the handler the request may be gone when this returns. */
void web_answer(struct web_request *req, unsigned status);
/* {"error":"text"} */
void web_answer_error(struct web_request *req, unsigned status, const char *text);
/* The handler returns without an answer: one comes later. */
void web_request_wait(struct web_request *req);

/* Who is asking, for web_limiter. */
void web_request_key(const struct web_request *req, unsigned char key[WEB_LIMITER_KEY]);

#endif
