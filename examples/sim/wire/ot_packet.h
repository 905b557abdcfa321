/* SPDX-License-Identifier: MIT */
/*
 * The miIO packet as the stand-ins read and write it: by OpenSSL, and strictly. 32 bytes of header, numbers high byte first:
 *
 *   0  21 31   2  length of all   4  device id   12  stamp   16  MD5 of header, secret and ciphertext   32  ciphertext
 *
 * AES-128-CBC with PKCS#7 padding; key = MD5(secret), iv = MD5(key secret). Source: docs/protocol.md, "Packet".
 */
#ifndef SIM_OT_PACKET_H
#define SIM_OT_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum { OT_HEADER = 32, OT_SECRET = 16 };

struct ot_packet {
    uint64_t did;
    uint32_t stamp;
    bool has_text;
};

/* Appends one packet. text {NULL, 0}: the header alone. 0, -EMSGSIZE, -ENOMEM. */
int ot_packet_seal(struct ag_buf *out, const char secret[OT_SECRET], uint64_t did, uint32_t stamp, struct ag_span text);

/* NULL, or what is wrong with it: one word or two. plain is cleared first and holds the text, without the zero byte that
   some senders put behind it. */
const char *ot_packet_open(struct ot_packet *out, const char secret[OT_SECRET], struct ag_span packet, struct ag_buf *plain);

/* Of the packet at the front of a stream: its length; 0: more bytes are needed; -1: the stream is out of step. */
int ot_packet_length(struct ag_span stream);

/* Fields of a header, unchecked. */
uint64_t ot_packet_did(struct ag_span packet);
uint32_t ot_packet_stamp(struct ag_span packet);

/* Device id all ones, stamp as given, the rest zero: the hello to a cloud (stamp 0) and its answer. */
void ot_packet_hello(uint8_t out[OT_HEADER], uint32_t stamp);

#endif
