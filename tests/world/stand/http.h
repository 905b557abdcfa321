/* SPDX-License-Identifier: MIT */
/* An HTTP server of one's own: one request a connection, answers in pieces. */
#ifndef WORLD_STAND_HTTP_H
#define WORLD_STAND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_ask {
    char method[8], path[300];
    uint64_t range_from; /* 0: none */
    char body[1024];     /* ends with NUL */
};

struct http_answer {
    int status;
    char headers[400]; /* "Name: value\r\n" each */
    const char *body;  /* lives as long as the server; or in text */
    size_t n;
    char text[400];
    uint64_t piece_us; /* between two pieces of 4 KiB; 0: all at once */
};

struct http_server {
    void (*on_ask)(void *user, const struct http_ask *ask, struct http_answer *out);
    void *user;
    bool mute, fails;   /* fails: 500 */
    unsigned cut_after; /* bytes of a body, then the connection ends; 0: never */
    uint64_t n_asks;
};

void http_open(struct http_server *h, uint32_t ip, uint16_t port);

#endif
