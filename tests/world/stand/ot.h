/* SPDX-License-Identifier: MIT */
/* The OT cloud's side of one device, over UDP and TCP. */
#ifndef WORLD_OT_H
#define WORLD_OT_H

#include <stdbool.h>
#include "tests/world/kernel/net.h"
#include "tests/world/stand/packet.h"

struct ot_cloud {
    struct link *link;
    struct pk_key key;
    uint64_t did;
    bool mute; /* takes all, says nothing */
    bool no_acks;
    bool shuts;              /* ends a TCP session as soon as it stands */
    struct vsock *udp, *tcp; /* tcp: the last connection */
    struct addr from;
    bool greeted, informed;
    uint8_t in[PK_MAX];
    size_t n_in;
    void (*on_report)(void *user, uint32_t id, const char *text);
    void (*on_answer)(void *user, uint32_t id, const char *text);
    void *user;
    uint64_t n_connects, n_hellos, heard_us;
};

void ot_open(struct ot_cloud *o, uint32_t ip, uint16_t port, struct link *link, uint64_t did, const char key[16]);
/* One text to the device, now. false: it is not there. */
bool ot_send(struct ot_cloud *o, const char *text);
void ot_restart(struct ot_cloud *o);

#endif
