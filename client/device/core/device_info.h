/* SPDX-License-Identifier: MIT */
/* What the device says about itself in miIO.info and _otc.info. */
#ifndef CLIENT_DEVICE_INFO_H
#define CLIENT_DEVICE_INFO_H

#include <stdint.h>

/* Values of miIO.info and _otc.info that are not in device.conf. Empty strings are sent as empty strings. */
struct device_info {
    const char *model, *mac;
    const char *token_hex;
    const char *hw_ver, *fw_ver;
    const char *mcu_fw_ver; /* of a microcontroller behind the device; NULL or "": none, left out */
    uint64_t life_s;
    char ssid[33], bssid[18];
    long rssi; /* 0: unknown, left out */
    unsigned freq;
    char local_ip[46], mask[46], gw[46];
    const char *extra; /* the helper's own members, as "\"name\":value,..."; NULL: none */
};

#endif
