/* SPDX-License-Identifier: MIT */
/*
 * Which user of this machine owns the UDP socket that a datagram came from, by /proc/net/udp and udp6. That shows only while
 * the socket is open, so a sender that waits for its answer is known.
 */
#ifndef CLIENT_UDP_OWNER_H
#define CLIENT_UDP_OWNER_H

#include "client/lan/core/lan_requests.h"

/* false: not on loopback, the socket is gone, or there are several of different users. */
bool udp_owner_find(const struct lan_addr *from, uint32_t *uid_out);

/* The same, reading these two files. For tests. */
bool udp_owner_find_in(const char *const files[2], const struct lan_addr *from, uint32_t *uid_out);

#endif
