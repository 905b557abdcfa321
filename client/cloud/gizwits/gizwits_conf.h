/* SPDX-License-Identifier: MIT */
/*
 * Keys of device.conf for cloud=gizwits:
 *
 *   gizwits_product_key       32 hex digits; needed
 *   gizwits_server            HOST[:PORT] of the HTTP service (api.gizwits.com:80)
 *   gizwits_keepalive         20..600 s (120)
 *   gizwits_heartbeat         4..300 s, at most half of the keep-alive (60)
 *   gizwits_retry             ms that each failed try adds to the pause (10000)
 *   gizwits_retry_max         ms at which the pause stops growing (600000)
 *   gizwits_ack_wait          ms until a 0x0093 is sent again (5000)
 *   gizwits_hard_version      for update checks (1)
 *   gizwits_soft_version      installed firmware (fw_ver of _otc.info)
 *   gizwits_mcu_hard_version  the same of a microcontroller (1)
 *   gizwits_mcu_soft_version  (none: no check for a microcontroller at the start)
 *   gizwits_ota               4.1, 4.0 or off (4.1)
 *   gizwits_firmware_id, gizwits_mcu_firmware_id   4.0: the id of the firmware from the factory (0)
 *   gizwits_ask_apps          1: ask for the number of Apps after each login (1)
 *   gizwits_request_topic     the topic for that question (cli2ser_req)
 */
#ifndef CLIENT_GIZWITS_CONF_H
#define CLIENT_GIZWITS_CONF_H

#include <stdbool.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/endpoint.h"

enum gizwits_ota { GIZWITS_OTA_OFF, GIZWITS_OTA_V40, GIZWITS_OTA_V41 };

/* Strings point into the device_conf. */
struct gizwits_conf {
    char product_key[33]; /* lower case */
    char mac[13];         /* lower case, no separators */
    struct endpoint server;
    uint16_t keepalive_s;
    uint32_t heartbeat_ms, retry_ms, retry_max_ms, ack_wait_ms;
    const char *hard_version[2], *soft_version[2]; /* by firmware type - 1; soft NULL: not configured */
    uint32_t factory_fid[2];                       /* the same; 0: not known */
    enum gizwits_ota ota;
    bool ask_apps;
    const char *request_topic;
};

/* 0, or -EINVAL with one line in why. */
int gizwits_conf_read(const struct device_conf *conf, struct gizwits_conf *out, char *why, size_t n);

#endif
