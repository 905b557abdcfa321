/* SPDX-License-Identifier: MIT */
/*
 * How the device is on the network: address, mask and gateway of the interface with the default route, and the access
 * point when that is a wireless one. Read from the kernel once and kept: rtnetlink says when links, IPv4 addresses
 * or routes have changed. What it does not tell (roaming between access points; everything, where there is no netlink) is
 * at most a second old.
 */
#ifndef CLIENT_NET_INFO_H
#define CLIENT_NET_INFO_H

#include <uv.h>
#include "client/device/core/device_info.h"

enum { NET_INFO_FRESH_MS = 1000 };

struct net_info;

/* Reads nothing yet. closed is called once, during or after net_info_close(): the struct is freed. 0; -ENOMEM: nothing to
   close. */
int net_info_open(struct net_info **out, uv_loop_t *loop, void (*closed)(void *user), void *user);
void net_info_close(struct net_info *n);

/* Fills the network members of *out; what cannot be found is an empty string or 0. n NULL: all is read from the kernel. */
void net_info_get(struct net_info *n, struct device_info *out);

#endif
