/* SPDX-License-Identifier: MIT */
/*
 * What peers can make the agent keep, each with a number. This list is the only place that defines a limit: the fields of struct
 * limits, their defaults, the options and agent.info all come from it. The effect of exceeding a limit is beside it, the
 * counter is in stats.h.
 */
#ifndef AGENT_CORE_LIMITS_H
#define AGENT_CORE_LIMITS_H

#include <stdint.h>
#include "libagent/core/buf.h"

/* clang-format off */
/* X(field, long option, default, least, most). An option with "max-" is an item of [limits] without it, the others of [agent]. */
#define LIMITS(X) \
    X(connections,        "max-connections",       1024,     1,     1u << 20)    /* applications connected; more are refused */ \
    X(text,               "max-text",              1u << 20, 256,   256u << 20)  /* bytes of one text; larger: error, closed */ \
    X(packet_text,        "max-packet-text",       64u << 10, 256,  64u << 10)   /* the same on the seqpacket socket */ \
    X(depth,              "max-depth",             128,      2,     1000)        /* nesting; deeper: error, closed */ \
    X(key_len,            "max-key-len",           128,      1,     1024)        /* bytes of a key; longer: register is refused */ \
    X(keys_per_peer,      "max-keys-per-peer",     4096,     1,     1u << 20)    /* more: register is refused */ \
    X(keys,               "max-keys",              65536,    1,     1u << 24)    /* of all peers together */ \
    X(requests_per_peer,  "max-requests-per-peer", 1024,     1,     1u << 20)    /* open upward; more: -32000 */ \
    X(requests,           "max-requests",          65536,    1,     1u << 20)    /* of all peers together */ \
    X(commands_per_peer,  "max-commands-per-peer", 1024,     1,     1u << 20)    /* open at one subscriber; more: -32000 to the asker */ \
    X(commands,           "max-commands",          16384,    1,     1u << 20)    /* of all together */ \
    X(queue,              "max-queue",             2u << 20, 4096,  1u << 30)    /* bytes waiting for one application; more: it is closed */ \
    X(upstream_queue,     "max-upstream-queue",    4u << 20, 4096,  1u << 30)    /* the same for upstream; more: -32000, twice as much: closed */ \
    X(total,              "max-total",             32u << 20, 65536, 2u << 30)   /* bytes of all queues and partial texts; more: the greediest peer is closed */ \
    X(command_timeout_ms, "command-timeout",       4000,     1,     86400000)    /* then the asker gets an error */ \
    X(request_timeout_ms, "request-timeout",       30000,    1,     86400000) \
    X(command_grace_ms,   "command-grace",         1000,     0,     60000)       /* for a subscriber that has just left and may come back; 0: none */
/* clang-format on */

struct limits {
#define LIMITS_FIELD(name, option, value, least, most) uint32_t name;
    LIMITS(LIMITS_FIELD)
#undef LIMITS_FIELD
};

struct limit_row {
    const char *name, *option;
    size_t offset; /* in struct limits */
    uint32_t value, least, most;
};

extern const struct limit_row limit_rows[];
extern const size_t limit_n_rows;

void limits_init(struct limits *l);
static inline uint32_t *limits_at(struct limits *l, const struct limit_row *row)
{
    return (uint32_t *) (void *) ((char *) l + row->offset);
}
/* Appends {"name":value,...}. 0 or -ENOMEM. */
int limits_print(const struct limits *l, struct ag_buf *out);

#endif
