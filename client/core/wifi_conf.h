/*
 * wifi.conf: the network that the phone gave. Its mere existence says that the device is provisioned. Lines
 * ssid="...", psk="..." (left out for an open network), key_mgmt=WPA or NONE, uid=N, in any order; the same form that
 * wpa_supplicant reads. A core: bytes in, bytes out. Source: Xiaomi Linux client document, sections 4.3 and 6.
 */
#ifndef CLIENT_WIFI_CONF_H
#define CLIENT_WIFI_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum { WIFI_SSID_MAX = 32, WIFI_PSK_MIN = 8, WIFI_PSK_MAX = 63, WIFI_PSK_HEX = 64 };

struct wifi_conf {
    char ssid[WIFI_SSID_MAX + 1];
    char psk[WIFI_PSK_HEX + 1]; /* empty: open network; 64 hex digits: the key itself. A secret */
    uint64_t uid;               /* 0: not given */
};

/* Reasons to refuse a network. */
enum { WIFI_E_SSID = 1, WIFI_E_PSK };

/* SSID 1..32 bytes without NUL or line ends; password empty, 8..63 bytes, or 64 hex digits. 0 or WIFI_E_*. */
int wifi_conf_check(struct ag_span ssid, struct ag_span psk);

/* Fills *out; what is missing stays empty. false: no usable ssid line. */
bool wifi_conf_parse(struct wifi_conf *out, struct ag_span file);

/* The text of the file. 0 or -ENOMEM. */
int wifi_conf_build(struct ag_buf *out, const struct wifi_conf *w);

#endif
