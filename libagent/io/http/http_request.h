/* SPDX-License-Identifier: MIT */
/* What an HTTP request is to do, and how it ended: for the caller (http.h) and the process that does it (http_child.h). */
#ifndef AG_HTTP_REQUEST_H
#define AG_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/util.h"

enum {
    AG_HTTP_BODY_MAX = 64 * 1024, /* default limit of an answer's body kept in memory, bytes */
    AG_HTTP_CONNECT_MS = 10000,   /* default limit of name, TCP and TLS together */
    AG_HTTP_STALL_S = 30          /* default: this long without a byte is a lost connection */
};

enum ag_http_method { AG_HTTP_GET, AG_HTTP_POST, AG_HTTP_PUT, AG_HTTP_DELETE };

/* How a call ended. OK says that a whole answer came, with whatever status. */
enum ag_http_end {
    AG_HTTP_OK,
    AG_HTTP_E_DNS,        /* the name has no address */
    AG_HTTP_E_CONNECT,    /* refused, unreachable, too slow to connect */
    AG_HTTP_E_TLS,        /* handshake or certificate */
    AG_HTTP_E_DISCONNECT, /* the connection was lost or fell silent, the answer is incomplete */
    AG_HTTP_E_TIMEOUT,    /* the whole call took longer than timeout_ms */
    AG_HTTP_E_TOO_BIG,    /* the answer is larger than max_body */
    AG_HTTP_E_RANGE,      /* the server answered with another range than was asked for */
    AG_HTTP_E_ABORTED,    /* on_begin or on_data returned negative */
    AG_HTTP_E_PROTOCOL,   /* sent on to something other than http or https, or from https to http */
    AG_HTTP_E_OTHER       /* bad URL, too many redirects, not HTTP, no memory, no libcurl, no process */
};

/* Borrowed while on_done runs. */
struct ag_http_result {
    enum ag_http_end end;
    int status;          /* of the last answer; 0: none came */
    struct ag_span body; /* empty when streamed, except for an answer that is neither 200 nor 206 */
    const char *why;     /* one phrase for the log; "" when OK */
};

/* What to do; everything is copied by ag_http_send(). Zero fields take the defaults above. Fields in order of use. */
struct ag_http_request {
    enum ag_http_method method;
    const char *url;            /* http:// or https:// only */
    const char *const *headers; /* "Name: value" lines, ended by NULL; or NULL */
    struct ag_span body;        /* p NULL: none */
    unsigned connect_timeout_ms;
    unsigned timeout_ms; /* 0: as long as bytes come */
    unsigned stall_timeout_s;
    unsigned max_redirects; /* 0: a 3xx is the answer; https is never left for http */
    size_t max_body;        /* of a body kept in memory; a streamed one when max_stream is not 0 */
    uint64_t max_stream;    /* limit of a streamed body including range_from; 0: none */
    uint64_t range_from;    /* ask for the bytes from here on */
    const char *ca_file;    /* PEM; NULL: the system's */
    const char *cert_file;  /* PEM client certificate and key; NULL: none */
    const char *key_file;

    /* Streams a 200 or 206 body instead of keeping it. Negative from either ends the call. */
    int (*on_data)(void *user, const void *p, size_t n);
    /* Before the first on_data, also for an empty body: where the body begins in the whole (0 when the server
       does not do ranges) and how long the whole is (UINT64_MAX: unknown). May be NULL. */
    int (*on_begin)(void *user, uint64_t offset, uint64_t total);
    void (*on_done)(void *user, const struct ag_http_result *result);
    void *user;
};

/* "name not found", ...: for logs. Never NULL. */
const char *ag_http_end_name(enum ag_http_end end);

#endif
