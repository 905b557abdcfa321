/* SPDX-License-Identifier: MIT */
/*
 * A UDP socket: datagrams in and out, nothing more. The LAN protocol runs on one, Bluetooth provisioning on another.
 * Bounded work per turn; what the kernel cannot take now is dropped, as UDP may. Answers leave from the address that was
 * asked, even if the device has several.
 */
#ifndef CLIENT_LAN_SOCKET_H
#define CLIENT_LAN_SOCKET_H

#include <uv.h>
#include "client/lan/core/lan_requests.h"
#include "libagent/io/addr.h"

struct lan_socket;

struct lan_socket_events {
    void (*datagram)(void *user, const struct lan_addr *from, struct ag_span datagram);
    void (*closed)(void *user); /* the last event */
};

/* Binds. 0 or -errno (then *out may be set and must be closed); *bound_out holds the real port. */
int lan_socket_open(struct lan_socket **out, uv_loop_t *loop, const struct ag_addr *at, const struct lan_socket_events *events,
                    void *user, struct ag_addr *bound_out);
void lan_socket_close(struct lan_socket *s);
void lan_socket_send(struct lan_socket *s, const struct lan_addr *to, struct ag_span datagram);

#endif
