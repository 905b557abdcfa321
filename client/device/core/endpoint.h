/* SPDX-License-Identifier: MIT */
/* "HOST", "HOST:PORT", "[IPV6]:PORT": where a server is, by name or address. Nothing is looked up here. */
#ifndef CLIENT_ENDPOINT_H
#define CLIENT_ENDPOINT_H

#include <stdint.h>

struct endpoint {
    char host[256];
    uint16_t port;
};

/* 0, or -EINVAL with *why_out (a constant). */
int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out, const char **why_out);

#endif
