/* SPDX-License-Identifier: MIT */
#include "client/lan/io/udp_owner.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct udp_line {
    struct in6_addr addr; /* IPv4: mapped */
    unsigned port;
    uint32_t uid;
    uint64_t inode;
};

static const uint8_t mapped_head[12] = {[10] = 0xff, [11] = 0xff};

/* The kernel prints an address as 32-bit words in the machine's order. */
static bool read_addr(const char *hex, struct in6_addr *out)
{
    size_t n = strlen(hex) / 8;
    uint32_t words[4];

    if ((n != 1 && n != 4) || strlen(hex) != n * 8)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (sscanf(hex + i * 8, "%8" SCNx32, &words[i]) != 1)
            return false;
    }
    memcpy(out->s6_addr, mapped_head, sizeof mapped_head);
    memcpy(n == 1 ? out->s6_addr + 12 : out->s6_addr, words, n * 4);
    return true;
}

static bool read_line(const char *line, struct udp_line *out)
{
    char addr[33];

    return sscanf(line, " %*d: %32[0-9A-F]:%x %*s %*s %*s %*s %*s %" SCNu32 " %*d %" SCNu64, addr, &out->port, &out->uid,
                  &out->inode) == 4 &&
           out->inode != 0 && read_addr(addr, &out->addr);
}

static bool is_any(const struct in6_addr *a)
{
    static const uint8_t nothing[4];

    return IN6_IS_ADDR_UNSPECIFIED(a) || (IN6_IS_ADDR_V4MAPPED(a) && memcmp(a->s6_addr + 12, nothing, 4) == 0);
}

static bool is_loopback(const struct lan_addr *a)
{
    struct in6_addr in6;

    memcpy(&in6, a->ip, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6) || (IN6_IS_ADDR_V4MAPPED(&in6) && a->ip[12] == 127);
}

static bool line_holds(const struct udp_line *l, const struct lan_addr *from)
{
    return l->port == from->port && (is_any(&l->addr) || memcmp(&l->addr, from->ip, sizeof from->ip) == 0);
}

/* Counts holders; two of different users are too many. */
static unsigned scan(const char *file, const struct lan_addr *from, uint32_t *uid, unsigned n)
{
    FILE *f = fopen(file, "re");
    struct udp_line l;
    char line[512];

    while (f && fgets(line, sizeof line, f)) {
        if (!read_line(line, &l) || !line_holds(&l, from))
            continue;
        if (n == 0)
            *uid = l.uid;
        n += n == 0 || *uid != l.uid;
    }
    if (f)
        fclose(f);
    return n;
}

bool udp_owner_find_in(const char *const files[2], const struct lan_addr *from, uint32_t *uid_out)
{
    uint32_t uid = 0;
    unsigned n;

    if (!is_loopback(from))
        return false;
    n = scan(files[0], from, &uid, 0);
    n = scan(files[1], from, &uid, n);
    if (n != 1)
        return false;
    *uid_out = uid;
    return true;
}

bool udp_owner_find(const struct lan_addr *from, uint32_t *uid_out)
{
    static const char *const files[2] = {"/proc/net/udp", "/proc/net/udp6"};

    return udp_owner_find_in(files, from, uid_out);
}
