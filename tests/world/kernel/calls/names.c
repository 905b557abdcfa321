/* SPDX-License-Identifier: MIT */
/* Names of hosts. */
#include "tests/world/kernel/calls/wrap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"

struct names_of_hosts resolver;

uint32_t resolver_find(const char *name)
{
    struct in_addr in;

    if (inet_pton(AF_INET, name, &in) == 1)
        return ntohl(in.s_addr);
    for (unsigned i = 0; i < resolver.n; i++)
        if (strcmp(resolver.at[i].name, name) == 0)
            return resolver.at[i].ip;
    return 0;
}

static void nap(uint64_t us)
{
    uint64_t until = W.now_us + us;

    while (W.now_us < until)
        thr_sleep(until);
}

int resolver_ask(const char *name, uint32_t *ip)
{
    struct in_addr in;

    if (inet_pton(AF_INET, name, &in) != 1) {
        if (resolver.mute)
            nap(40 * SECOND);
        if (resolver.mute || resolver.failing || resolver.away)
            return EAI_AGAIN;
        nap(rng_between(&W.rng, 1, 80) * MS);
    }
    *ip = resolver_find(name);
    return *ip ? 0 : EAI_NONAME;
}

struct found {
    struct addrinfo info;
    struct sockaddr_in in;
};

WRAP(int, getaddrinfo, const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    struct found *f;
    uint32_t ip = LOOPBACK_IP;
    int r = host ? resolver_ask(host, &ip) : 0;

    if (r != 0)
        return r;
    f = __wrap_calloc(1, sizeof *f);
    if (!f)
        return EAI_MEMORY;
    f->in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t) (port ? atoi(port) : 0)), .sin_addr.s_addr = htonl(ip)};
    f->info = (struct addrinfo){.ai_family = AF_INET,
                                .ai_socktype = hints ? hints->ai_socktype : SOCK_STREAM,
                                .ai_addrlen = sizeof f->in,
                                .ai_addr = (struct sockaddr *) &f->in};
    *out = &f->info;
    return 0;
}

WRAP(void, freeaddrinfo, struct addrinfo *a)
{
    __wrap_free(a);
}

WRAP(int, getifaddrs, struct ifaddrs **out)
{
    *out = NULL;
    return 0;
}

WRAP(void, freeifaddrs, struct ifaddrs *a)
{
    (void) a;
}
