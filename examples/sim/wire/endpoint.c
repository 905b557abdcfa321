/* SPDX-License-Identifier: MIT */
#include "examples/sim/wire/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int sim_endpoint_parse(const char *text, uint16_t default_port, struct sim_endpoint *out, const char **why_out)
{
    struct sim_endpoint e = {.port = default_port};
    unsigned port;
    int n = 0, end = 0;

    if (sscanf(text, "%255[^:/@ ]%n", e.host, &n) != 1) {
        *why_out = "a host is wanted, or HOST:PORT";
        return -EINVAL;
    }
    if (text[n] != '\0') {
        if (sscanf(text + n, ":%5u%n", &port, &end) != 1 || text[n + end] != '\0' || port < 1 || port > 65535) {
            *why_out = "the port must be 1 to 65535";
            return -EINVAL;
        }
        e.port = (uint16_t) port;
    }
    *out = e;
    return 0;
}
