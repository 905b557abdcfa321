/* SPDX-License-Identifier: MIT */
/* Numbers that every way into the client and out of it shares. */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

enum {
    COMMAND_PEERS_MAX = 64, /* places for local peers, the MQTT channels among them */
    COMMAND_ID_MAX = 128    /* bytes of an id as somebody wrote it; a longer one is refused with -32600 */
};

#endif
