/* SPDX-License-Identifier: MIT */
/*
 * Where the agent is: an address text taken apart, and the list of places to try in turn. No I/O.
 */
#ifndef AG_ADDRESS_H
#define AG_ADDRESS_H

#include <stdint.h>

enum ag_address_kind { AG_ADDRESS_UNIX, AG_ADDRESS_SEQPACKET, AG_ADDRESS_TCP };

struct ag_address {
    uint8_t kind;   /* enum ag_address_kind */
    uint16_t port;  /* TCP */
    char host[108]; /* path, "@name" of an abstract socket, or numeric host without brackets */
};

enum { AG_ADDRESS_MAX = 2 };

struct ag_address_list {
    unsigned n;
    struct ag_address at[AG_ADDRESS_MAX];
};

/* "unix:/path", "seqpacket:/path", "tcp:HOST:PORT", "tcp:[HOST]:PORT", a bare path or HOST:PORT. 0 or -EINVAL. */
int ag_address_parse(struct ag_address *out, const char *text);

/* text, else env (the value of $MIIO_AGENT), else the two default places; empty counts as NULL. 0 or -EINVAL. */
int ag_address_list_fill(struct ag_address_list *out, const char *text, const char *env);

/* The text form, for log lines. */
void ag_address_print(const struct ag_address *a, char *buf, unsigned n);

#endif
