/* SPDX-License-Identifier: MIT */
/*
 * Bluetooth provisioning: the helper that speaks Bluetooth sends the phone's JSON in one datagram, from loopback. Each is
 * answered within the call that brings it, or not at all.
 */
#ifndef CLIENT_BLE_PORT_H
#define CLIENT_BLE_PORT_H

#include "client/lan/io/lan_socket.h"

struct ble_port_host {
    void (*text)(void *user, struct ag_span text);
    void (*closed)(void *user);
};

struct ble_port {
    struct lan_socket *socket; /* NULL: off */
    struct lan_addr asker;     /* of the datagram under way */
    struct ag_addr bound;
    const struct ble_port_host *host;
    void *user;
};

/* Opens no socket unless at is an internet address. 0 or -errno; closed() follows ble_port_close() when there is one. */
int ble_port_open(struct ble_port *p, uv_loop_t *loop, const struct ag_addr *at, const struct ble_port_host *host, void *user);
void ble_port_close(struct ble_port *p);

/* Both are called within text(). The user that sent it; false: not known. */
bool ble_port_sender(const struct ble_port *p, uint32_t *uid_out);
void ble_port_answer(struct ble_port *p, struct ag_span text);

#endif
