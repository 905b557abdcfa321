/* SPDX-License-Identifier: MIT */
/*
 * wifi.conf: the network that the phone gave. Its mere existence means that the device is provisioned. Lines ssid="...",
 * psk="..." (left out for an open network), key_mgmt=WPA or NONE, uid=N, in any order; '#' begins a comment. We escape quote
 * and backslash with a backslash. Older scripts do not, or leave the quotes out, and are understood all the same: a text in
 * quotes is read as escaped if it is well-formed that way, and literally otherwise. Only key_mgmt=NONE makes a network one
 * without a key: a key that is not understood, or cut off, never counts as none.
 *
 * A network that has not been joined yet carries a mark, a comment line, so that a restart in between goes on joining it
 * instead of trusting it.
 *
 * A core: bytes in, bytes out. Source: Xiaomi Linux client document, sections 4.3 and 6.
 */
#ifndef CLIENT_WIFI_CONF_H
#define CLIENT_WIFI_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum { WIFI_SSID_MAX = 32, WIFI_PSK_MIN = 8, WIFI_PSK_MAX = 63, WIFI_PSK_HEX = 64 };

enum wifi_trial {
    WIFI_JOINED,
    WIFI_FIRST_TRIAL, /* never joined: the device had no network before */
    WIFI_NEXT_TRIAL   /* never joined: it replaces one that was */
};

struct wifi_conf {
    char ssid[WIFI_SSID_MAX + 1]; /* any bytes but NUL and line ends, in any encoding */
    char psk[WIFI_PSK_HEX + 1];   /* empty: open network; 64 hex digits: the key itself. A secret */
    uint64_t uid;                 /* 0: not given */
    enum wifi_trial trial;
};

/* Reasons to refuse a network. */
enum { WIFI_E_SSID = 1, WIFI_E_PSK };

/* SSID 1..32 bytes without NUL or line ends; password empty, 8..63 bytes without control characters, or 64 hex digits. 0
   or WIFI_E_*. */
int wifi_conf_check(struct ag_span ssid, struct ag_span psk);

/*
 * Fills *out; of lines with the same name the last one counts, and what is missing or not understood stays empty. 0;
 * WIFI_E_SSID: no usable name; WIFI_E_PSK: no usable key, and key_mgmt does not say that there is none.
 */
int wifi_conf_parse(struct wifi_conf *out, struct ag_span file);

/* The text of the file. 0 or -ENOMEM. */
int wifi_conf_build(struct ag_buf *out, const struct wifi_conf *w);

/* Appends the text without the mark of a network that was not joined yet. 1: there was one; 0: none; -ENOMEM. */
int wifi_conf_without_mark(struct ag_buf *out, struct ag_span file);

#endif
