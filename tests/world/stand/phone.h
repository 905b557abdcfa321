/* SPDX-License-Identifier: MIT */
/* A phone on the LAN: hello, then commands, each repeated until it is answered or patience ends. */
#ifndef WORLD_PHONE_H
#define WORLD_PHONE_H

#include <stdbool.h>
#include "tests/world/kernel/net.h"
#include "tests/world/stand/packet.h"

struct phone {
    struct link *link;
    struct vsock *udp;
    struct pk_key key;
    uint64_t did;
    char token[17];
    bool may_be_old;    /* the device may have another token by now: answers under it are no fault */
    bool learns;        /* takes the token that a hello tells */
    uint32_t device_ip; /* the address that it asks; 0: the first */
    bool wants_zero;    /* behind each answer's text */
    bool relies;        /* on a hello for two minutes, as most programs do */
    bool greeted;
    uint32_t offset_s; /* device's stamp minus own time, at hello */
    uint64_t hello_us;
    uint32_t id; /* of the command under way; 0: none */
    char text[512];
    unsigned tries;
    uint64_t n_sent; /* packets */
    void (*on_answer)(void *user, uint32_t id, const char *text);
    void (*on_given_up)(void *user, uint32_t id);
    void *user;
};

void phone_open(struct phone *p, uint32_t ip, uint16_t port, struct link *link, uint64_t did, const char token[16]);
void phone_take_token(struct phone *p, const char token[16]);
/* false: one is under way. */
bool phone_command(struct phone *p, uint32_t id, const char *text);

#endif
