/* SPDX-License-Identifier: MIT */
/*
 * Who gave the client a command, and so who gets the answer. Ids of different origins never collide: the client gives each
 * command an id of its own, and the token leads back to whatever the origin calls it.
 */
#ifndef CLIENT_ORIGIN_H
#define CLIENT_ORIGIN_H

#include <stdint.h>

enum origin_kind {
    ORIGIN_CLOUD,  /* token: the cloud's own */
    ORIGIN_LAN,    /* token: lan_request handle */
    ORIGIN_BLE,    /* token: ble request handle */
    ORIGIN_LOCAL,  /* an application's socket; token: its peer number */
    ORIGIN_CLIENT, /* the client itself; the answer goes nowhere */
    ORIGIN_N_KINDS
};

struct origin {
    enum origin_kind kind;
    uint64_t token;
    unsigned place; /* ORIGIN_CLOUD: which one (client/cloud/cloud.h) */
};

#endif
