/*
 * What peers can make the agent keep, each with a number. The shell fills it from options; the effect of
 * passing a limit stands beside it, the counter is in stats.h.
 */
#ifndef AGENT_CORE_LIMITS_H
#define AGENT_CORE_LIMITS_H

#include <stdint.h>

struct limits {
    uint32_t connections;       /* applications connected; more are refused */
    uint32_t text;              /* bytes of one text; larger: error, closed */
    uint32_t packet_text;       /* the same on the seqpacket socket */
    uint32_t depth;             /* nesting; deeper: error, closed */
    uint32_t key_len;           /* bytes of a key; longer: register is refused */
    uint32_t keys_per_peer;     /* more: register is refused */
    uint32_t keys;              /* of all peers together */
    uint32_t requests_per_peer; /* open upward; more: -32000 */
    uint32_t requests;          /* of all peers together */
    uint32_t commands_per_peer; /* open at one subscriber; more: -32000 to the asker */
    uint32_t commands;          /* of all together */
    uint32_t queue;             /* bytes waiting for one application; more: it is closed */
    uint32_t
        upstream_queue; /* bytes waiting for upstream; more: -32000, at twice as much upstream is closed */
    uint32_t total;     /* bytes of all queues and partial texts; more: the greediest peer is closed */
    uint32_t command_timeout_ms;
    uint32_t request_timeout_ms;
    uint32_t command_grace_ms; /* for a subscriber that has just left and may come back; 0: none */
};

#define LIMITS_DEFAULT                                                                                       \
    {                                                                                                        \
        .connections = 1024, .text = 1u << 20, .packet_text = 64u << 10, .depth = 128, .key_len = 128,       \
        .keys_per_peer = 4096, .keys = 65536, .requests_per_peer = 1024, .requests = 65536,                  \
        .commands_per_peer = 1024, .commands = 16384, .queue = 2u << 20, .upstream_queue = 4u << 20,         \
        .total = 32u << 20, .command_timeout_ms = 4000, .request_timeout_ms = 30000,                 \
        .command_grace_ms = 1000                          \
    }

#endif
