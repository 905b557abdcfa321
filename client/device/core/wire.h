/* SPDX-License-Identifier: MIT */
/* Limits shared by all ways into the client and out of it. */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

enum {
    COMMAND_PEERS_MAX = 64, /* places for local peers, the MQTT channels among them */
    COMMAND_ID_MAX = 128    /* bytes of an id as its sender wrote it; a longer one is refused with -32600 */
};

#endif
