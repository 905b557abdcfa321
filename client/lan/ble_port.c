/* SPDX-License-Identifier: MIT */
#include "client/lan/ble_port.h"

#include "client/lan/io/udp_owner.h"

static void on_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct ble_port *p = user;

    p->asker = *from;
    p->host->text(p->user, datagram);
}

static void on_closed(void *user)
{
    struct ble_port *p = user;

    p->socket = NULL;
    p->host->closed(p->user);
}

static const struct lan_socket_events events = {on_datagram, on_closed};

int ble_port_open(struct ble_port *p, uv_loop_t *loop, const struct ag_addr *at, const struct ble_port_host *host, void *user)
{
    *p = (struct ble_port){.host = host, .user = user};
    return at->kind == AG_ADDR_INET ? lan_socket_open(&p->socket, loop, at, &events, p, &p->bound) : 0;
}

void ble_port_close(struct ble_port *p)
{
    lan_socket_close(p->socket);
}

bool ble_port_sender(const struct ble_port *p, uint32_t *uid_out)
{
    return udp_owner_find(&p->asker, uid_out);
}

void ble_port_answer(struct ble_port *p, struct ag_span text)
{
    if (p->socket)
        lan_socket_send(p->socket, &p->asker, text);
}
