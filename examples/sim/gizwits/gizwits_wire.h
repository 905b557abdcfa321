/* SPDX-License-Identifier: MIT */
/*
 * Gizwits' frames and topics from the cloud's side: what devices send is read, what Apps and the server send is written.
 * Source: Gizwits device to cloud protocol v4.0.6, sections 3.1, 3.3 and 4.4 to 4.13.
 */
#ifndef SIM_GIZWITS_WIRE_H
#define SIM_GIZWITS_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    GZ_SET_LOG = 0x0010,
    GZ_SET_LOG_ACK = 0x0011,
    GZ_LOG = 0x0012,
    GZ_TO_DEVICE = 0x0090,
    GZ_TO_APP = 0x0091,
    GZ_ACKED = 0x0093,
    GZ_ACK = 0x0094,
    GZ_FIRMWARE_V40 = 0x020e,
    GZ_ASK_APPS = 0x020f,
    GZ_APPS = 0x0210,
    GZ_FIRMWARE_V41 = 0x0211
};

enum { GZ_PASSCODE_MAX = 32, GZ_VERSION_MAX = 64, GZ_TOPIC_MAX = 128, GZ_APP_MAX = 64, GZ_P0_MAX = 65535 };

struct gz_frame {
    uint16_t cmd;
    uint32_t sn;                      /* ACKED, ACK */
    struct ag_span p0;                /* the business bytes */
    uint16_t settings;                /* SET_LOG */
    uint8_t level;                    /* LOG */
    struct ag_span tag, source, text; /* LOG */
    uint8_t fw_type;                  /* FIRMWARE_* */
    uint32_t fw_id;                   /* FIRMWARE_V40 */
    struct ag_span url;
    uint16_t n_apps; /* APPS */
};

/* A device's frame; to_server: from cli2ser_req and ser2cli_req, which have no length field. NULL, or what is wrong with it. */
const char *gz_frame_read(bool to_server, struct ag_span payload, struct gz_frame *out);

/* A frame of Apps or server, appended. 0, -EINVAL (a command of devices, a field too long), -ENOMEM. */
int gz_frame_write(const struct gz_frame *f, struct ag_buf *out);

/* The i-th filter that a device must subscribe to, in the document's order; NULL when there are no more. */
const char *gz_filter(unsigned i, const char *did, const char *product_key, char out[GZ_TOPIC_MAX]);

/* 1 to 64 bytes of UTF-8 that can be in a topic. */
bool gz_app_is_good(struct ag_span app);

/* The value of a key in key=value&key=value; {NULL, 0}: not there. White space at the end of the body does not count. */
struct ag_span gz_body_value(struct ag_span body, const char *key);

#endif
