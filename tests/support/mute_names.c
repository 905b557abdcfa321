/* SPDX-License-Identifier: MIT */
/*
 * Loaded before the C library: every name server is silent. A lookup says so on standard error and does not return. Numeric
 * addresses need no server and work as ever.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

__attribute__((visibility("default"))) int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                                                       struct addrinfo **out)
{
    static const char said[] = "lookup: no answer\n";
    unsigned char bytes[16];

    if (host && inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1) {
        if (write(STDERR_FILENO, said, sizeof said - 1) > 0)
            for (;;)
                pause();
    }
    return ((getaddrinfo_fn *) dlsym(RTLD_NEXT, "getaddrinfo"))(host, port, hints, out);
}
