/* SPDX-License-Identifier: MIT */
/* What libc's calls of the programs become, see wrapped.txt. And what stand-ins decide about names. */
#ifndef WORLD_CALLS_H
#define WORLD_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names_of_hosts {
    struct {
        const char *name;
        uint32_t ip;
    } at[32];
    unsigned n;
    bool mute, failing; /* no answer within a minute; an error at once */
    bool away;          /* no network */
};
extern struct names_of_hosts resolver;

/* Of a boot: 0 at a power cut. */
extern uint64_t booted_us;
uint64_t monotonic_us(void);
extern bool clock_synced; /* what adjtimex() says */

uint32_t resolver_find(const char *name); /* 0: none */
/* As getaddrinfo() would take: sleeps. 0 or EAI_... */
int resolver_ask(const char *name, uint32_t *ip);
int get_random(void *p, size_t n);

/* The name of the wireless network, at most 32 bytes of any kind; NULL: no interface is wireless. */
extern const char *essid;

#endif
