/* SPDX-License-Identifier: MIT */
/*
 * The binary frames that devices and Gizwits' M2M server exchange in MQTT payloads. Two forms, told apart by the topic, never by
 * the bytes:
 *
 *     A  00 00 00 03 | length 1..4 | flag 00 | command 2 | body     app2dev/..., dev2app/...
 *     B  00 00 00 03 | command 2 | body                             ser2cli_res/..., cli2ser_req
 *
 * The length counts flag, command and body, in MQTT's remaining-length coding. All numbers are big-endian.
 * Source: Gizwits device to cloud protocol v4.0.6, sections 3.1 and 4.4 to 4.13.
 */
#ifndef CLIENT_GIZWITS_FRAME_H
#define CLIENT_GIZWITS_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum gizwits_form { GIZWITS_FORM_A, GIZWITS_FORM_B };

enum gizwits_cmd {
    GIZWITS_SET_LOG = 0x0010,      /* A, App to device: log levels and indicators */
    GIZWITS_SET_LOG_ACK = 0x0011,  /* A, device to App */
    GIZWITS_LOG = 0x0012,          /* A, device to all Apps */
    GIZWITS_TO_DEVICE = 0x0090,    /* A, App to device */
    GIZWITS_TO_APP = 0x0091,       /* A, device to App */
    GIZWITS_ACKED = 0x0093,        /* A, both ways: wants a GIZWITS_ACK */
    GIZWITS_ACK = 0x0094,          /* A, the other way */
    GIZWITS_FIRMWARE_V40 = 0x020e, /* B, server to device */
    GIZWITS_ASK_APPS = 0x020f,     /* B, device to server */
    GIZWITS_APPS = 0x0210,         /* B, server to device */
    GIZWITS_FIRMWARE_V41 = 0x0211  /* B, server to device */
};

enum {
    GIZWITS_P0_MAX = 65535, /* bytes of a business command */
    GIZWITS_URL_MAX = 512,
    GIZWITS_LOG_TAG_MAX = 256,
    GIZWITS_LOG_SOURCE_MAX = 32,
    GIZWITS_LOG_TEXT_MAX = 65535,
    GIZWITS_FW_WIFI = 1, /* fw_type: the device's own firmware */
    GIZWITS_FW_MCU = 2
};

enum gizwits_log_level { GIZWITS_LOG_ERROR = 1, GIZWITS_LOG_WARNING = 2, GIZWITS_LOG_INFO = 3 };

/* Members beside cmd are valid for the commands named. Spans of a parsed frame point into the payload. */
struct gizwits_frame {
    uint16_t cmd;
    uint32_t sn;                      /* ACKED, ACK */
    struct ag_span p0;                /* TO_DEVICE, TO_APP, ACKED, ACK */
    uint16_t settings;                /* SET_LOG */
    uint8_t level;                    /* LOG */
    struct ag_span tag, source, text; /* LOG, UTF-8 */
    uint8_t fw_type;                  /* FIRMWARE_* */
    uint32_t fw_id;                   /* FIRMWARE_V40 */
    struct ag_span url;               /* FIRMWARE_V40 */
    uint16_t n_apps;                  /* APPS */
};

/* Why a payload is no frame. All of them: drop, count, keep the connection, send nothing. */
enum {
    GIZWITS_E_HEADER = 1, /* too short for 00 00 00 03, or something else */
    GIZWITS_E_LENGTH,     /* length field cut short, of five bytes, below 3, or beyond the payload */
    GIZWITS_E_FLAG,       /* other than 0 */
    GIZWITS_E_COMMAND,    /* unknown in this form */
    GIZWITS_E_BODY,       /* shorter or longer than the command's fields */
    GIZWITS_E_LIMIT,      /* a field beyond its limit */
    GIZWITS_E_VALUE,      /* a field with a value that has no meaning, or text that is not UTF-8 */
    GIZWITS_N_ERRORS
};

/* 0 or GIZWITS_E_* (out untouched). Bytes of form A behind the frame are ignored. */
int gizwits_frame_parse(enum gizwits_form form, struct ag_span payload, struct gizwits_frame *out);

/*
 * Appends the frame in the form of its command. 0; GIZWITS_E_COMMAND, _LIMIT, _VALUE; -ENOMEM (out unchanged). Texts of a log
 * are cut at their limits, at the end of a character.
 */
int gizwits_frame_build(const struct gizwits_frame *f, struct ag_buf *out);

/* "bad header", ... for counters and logs. */
const char *gizwits_frame_error(int e);

/* Whether SET_LOG's value switches on logs of a level. The document's own table of bits is not public; ours:
   bit 0 errors, bit 1 warnings, bit 2 information, bit 15 the indicator. */
bool gizwits_log_wanted(uint16_t settings, enum gizwits_log_level level);

#endif
