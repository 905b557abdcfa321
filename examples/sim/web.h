/* SPDX-License-Identifier: MIT */
/*
 * HTTP of a stand-in: libmicrohttpd without a thread of its own; the loop polls its epoll descriptor. A
 * request is served once its body is complete; what it means is the stand-in's (sim_web_serve_fn).
 *
 * One owner: sim_web_start() .. sim_web_stop(), which must come before the loop ends.
 */
#ifndef SIM_WEB_H
#define SIM_WEB_H

#include <stdbool.h>
#include <uv.h>
#include "libagent/core/buf.h"

struct sim_web;
struct MHD_Connection;

/* Valid while it is served. */
struct sim_web_request {
    struct MHD_Connection *connection;
    const char *url; /* the path */
    const char *method;
    struct ag_span body;
    bool too_long; /* the body was longer than body_max; body holds its beginning */
};

enum { SIM_WEB_HEADERS_MAX = 2 };

struct sim_web_answer {
    unsigned status;
    struct ag_buf body;
    const struct ag_buf *file; /* borrowed; sent in place of body */
    struct {
        const char *name, *value;
    } headers[SIM_WEB_HEADERS_MAX]; /* borrowed; the first without a name ends them */
};

/* 0, or -errno: the connection is closed without an answer. The answer is preset to status 500 and nothing
 * else. */
typedef int sim_web_serve_fn(void *user, const struct sim_web_request *q, struct sim_web_answer *a);

/* On 127.0.0.1; port 0: the kernel's choice. 0, -ENOMEM, -EADDRINUSE. */
int sim_web_start(struct sim_web **web_out, uv_loop_t *loop, uint16_t port, size_t body_max, sim_web_serve_fn *serve, void *user);
uint16_t sim_web_port(const struct sim_web *w);
/* Takes NULL, returns NULL. */
struct sim_web *sim_web_stop(struct sim_web *w);

/* Of the query; NULL: not there. Borrowed. */
const char *sim_web_argument(const struct sim_web_request *q, const char *name);
const char *sim_web_header(const struct sim_web_request *q, const char *name);

#endif
