/* SPDX-License-Identifier: MIT */
/* "HOST" or "HOST:PORT" of an option. */
#ifndef SIM_ENDPOINT_H
#define SIM_ENDPOINT_H

#include <stdint.h>

struct sim_endpoint {
    char host[256];
    uint16_t port;
};

/* 0, or -EINVAL with *why_out (a constant). */
int sim_endpoint_parse(const char *text, uint16_t default_port, struct sim_endpoint *out, const char **why_out);

#endif
