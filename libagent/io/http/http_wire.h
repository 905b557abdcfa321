/* SPDX-License-Identifier: MIT */
/*
 * What a program and the process that does its HTTP request say to each other. Both are the same executable: numbers are as
 * the machine has them. The request is one block. The answer comes in frames, and is believed as little as a server: the
 * process that sends it has read what a stranger wrote.
 */
#ifndef AG_HTTP_WIRE_H
#define AG_HTTP_WIRE_H

#include <stdint.h>
#include "libagent/core/buf.h"
#include "libagent/io/http/http_request.h"

enum {
    HTTP_WIRE_REQUEST_HEADERS = 32,
    HTTP_WIRE_HEADERS_MAX = 32 * 1024, /* of an answer, bytes; the rest is left out */
    HTTP_WIRE_DATA_MAX = 64 * 1024,
    HTTP_WIRE_WHY_MAX = 512
};

/* BEGIN, DATA..., END; another BEGIN when the server starts over. */
enum http_wire_type { HTTP_WIRE_BEGIN = 1, HTTP_WIRE_DATA, HTTP_WIRE_END };

struct http_wire_frame {
    enum http_wire_type type;
    int status;           /* BEGIN */
    uint64_t length;      /* BEGIN: of the body; UINT64_MAX: unknown */
    enum ag_http_end end; /* END */
    struct ag_span bytes; /* BEGIN: names and values in turn, each with a NUL; DATA; END: why, one phrase */
};

/* Appends the whole request with its length in front. 0, -ENOMEM, -E2BIG. */
int http_wire_put_request(struct ag_buf *out, const struct ag_http_request *req);

/*
 * The block behind the length; what is read points into it. headers has room for HTTP_WIRE_REQUEST_HEADERS + 1. 0 or -EBADMSG.
 */
int http_wire_get_request(struct ag_span block, struct ag_http_request *out, const char **headers);

/* 0 or -ENOMEM. Bytes beyond what a frame may hold are the caller's fault. */
int http_wire_put_frame(struct ag_buf *out, const struct http_wire_frame *f);

/* 1: the first frame of in, which takes *size_out bytes; 0: not all of it is there; -EBADMSG. It points into in. */
int http_wire_get_frame(struct ag_span in, struct http_wire_frame *out, size_t *size_out);

/* The value of the last header of that name; NULL when there is none. */
const char *http_wire_header(struct ag_span headers, const char *name);

#endif
