/* SPDX-License-Identifier: MIT */
/*
 * Where the device is on its way to the cloud: the ten states that local.query_status answers, and which
 * local.status broadcasts go out when. The two vocabularies differ on purpose: "ap_mode" is answered, "wifi_ap_mode" is
 * broadcast. Source: Xiaomi Linux client document, sections 8 and 15.
 */
#ifndef CLIENT_DEVICE_STATE_H
#define CLIENT_DEVICE_STATE_H

#include <stdbool.h>

/* The numbers are the vendor's. */
enum device_state {
    DEVICE_INIT = 0,
    DEVICE_DIDKEY_REQ1 = 1, /* did 0: identity asked for, the network is there */
    DEVICE_DIDKEY_REQ2 = 2, /* did 1: identity asked for after provisioning */
    DEVICE_DIDKEY_DONE = 3,
    DEVICE_TOKEN_DONE = 4,
    DEVICE_AP_MODE = 5,
    DEVICE_STA_MODE = 6,
    DEVICE_CLOUD_TRYING = 7,
    DEVICE_CLOUD_CONNECTED = 8,
    DEVICE_CLOUD_RETRY = 9
};

enum device_event {
    DEVICE_EV_IDENTITY,       /* did and key are known */
    DEVICE_EV_ASK_IDENTITY_0, /* did 0: asking */
    DEVICE_EV_ASK_IDENTITY_1, /* did 1: asking, after joining */
    DEVICE_EV_TOKEN,          /* device.token is settled */
    DEVICE_EV_PROVISIONED,    /* start with wifi.conf, or a device that needs none */
    DEVICE_EV_AP,             /* start without wifi.conf, after a reset, or back after failed joining */
    DEVICE_EV_JOINING,        /* ssid and password have come */
    DEVICE_EV_JOINED,
    DEVICE_EV_JOIN_FAILED, /* DEVICE_EV_AP follows */
    DEVICE_EV_CLOUD_START, /* first try begins */
    DEVICE_EV_CLOUD_UP,
    DEVICE_EV_CLOUD_LOST /* a session ended or a try failed; another one follows */
};

struct device_machine {
    enum device_state state;
};

/* Applies the event. Returns the word to broadcast as local.status, or NULL. */
const char *device_machine_step(struct device_machine *m, enum device_event ev);

/* The word for local.query_status. */
const char *device_state_name(enum device_state s);

/* Joined or wired: the cloud may be tried. */
static inline bool device_state_is_online(enum device_state s)
{
    return s >= DEVICE_STA_MODE;
}

#endif
