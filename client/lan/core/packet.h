/* SPDX-License-Identifier: MIT */
/*
 * The packet that the LAN (UDP 54321) and the OT cloud (UDP and TCP) share: a header of 32 bytes, big-endian, and an
 * encrypted text. Source: miIO wire format as all independent programs agree on it; docs/protocol.md, "Packet".
 *
 *   0  magic 0x2131   2  length of all   4  device id (64 bit)   12  stamp, seconds   16  checksum   32  ciphertext
 *
 * From a secret of 16 bytes: key = MD5(secret), iv = MD5(key secret), the same for every packet. The checksum is MD5 of
 * the packet with the secret in the checksum field. Hello packets carry no checksum.
 */
#ifndef CLIENT_PACKET_H
#define CLIENT_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    PACKET_HEADER = 32,
    PACKET_SECRET = 16,
    PACKET_MAX = 65535,                                           /* what the length field holds */
    PACKET_TEXT_MAX = (PACKET_MAX - PACKET_HEADER) / 16 * 16 - 1, /* padding takes at least one byte */
    PACKET_UDP_TEXT_MAX = (65507 - PACKET_HEADER) / 16 * 16 - 1   /* what an IPv4 datagram holds */
};

/* Named conditions: why a packet was refused. */
enum {
    PACKET_E_MAGIC = 1, /* does not begin with 0x2131 */
    PACKET_E_LENGTH,    /* shorter than a header, no whole blocks, or not as long as the length field says */
    PACKET_E_CHECKSUM,  /* made with another key, or damaged */
    PACKET_E_PADDING,   /* right checksum, but the text's end is malformed */
    PACKET_N_E          /* one more than the last */
};

struct crypt;

/* What a secret stands for. Belongs to one thread; the contexts inside are used by encode and decode. */
struct packet_key {
    uint8_t secret[PACKET_SECRET];
    uint8_t key[16], iv[16];
    struct crypt *crypt; /* owned */
};

/* secret is 16 bytes, a terminating NUL is not read. 0, -ENOMEM, -ENOTSUP. deinit wipes; it may be called twice. */
int packet_key_init(struct packet_key *k, const char secret[PACKET_SECRET]);
void packet_key_deinit(struct packet_key *k);
/* Replaces the secret without allocating: 0, or an error of the cryptographic library. */
int packet_key_change(struct packet_key *k, const char secret[PACKET_SECRET]);

/* Fields of a received packet. */
struct packet {
    uint64_t did;
    uint32_t stamp;
    bool header_only; /* no text: a keepalive */
};

/*
 * Appends one whole packet to out. An empty payload gives the header alone, with its right checksum (a keepalive).
 * 0, -ENOMEM, -EMSGSIZE (text longer than PACKET_TEXT_MAX); out is unchanged then.
 */
int packet_encode(struct ag_buf *out, const struct packet_key *key, uint64_t did, uint32_t stamp, struct ag_span payload);

/*
 * Checks one whole packet and decrypts it into plain, which is cleared first. The text ends at the first zero byte: some
 * senders add one, and the real cloud sometimes adds junk after it. 0, PACKET_E_*, -ENOMEM. out is filled on 0 only.
 */
int packet_decode(struct packet *out, const struct packet_key *key, struct ag_span datagram, struct ag_buf *plain);

/*
 * How long the packet at the front of a stream is, as its header says. 0; -EAGAIN: more bytes are needed to tell;
 * PACKET_E_MAGIC, PACKET_E_LENGTH: the stream cannot go on. *len_out is at least PACKET_HEADER.
 */
int packet_frame(struct ag_span stream, size_t *len_out);

/* The header's fields, unchecked; at least PACKET_HEADER bytes. */
uint64_t packet_peek_did(struct ag_span datagram);
uint32_t packet_peek_stamp(struct ag_span datagram);
/* The sixteen bytes of the checksum field. */
const uint8_t *packet_checksum(struct ag_span datagram);

/* ---- hello: magic, length 32, ids all ff ---- */

/* A hello from a phone: the stamp is all ff, too; the last 16 bytes may be anything. */
bool packet_is_hello(struct ag_span datagram);

/* The device's answer to it. token NULL: sixteen ff instead, for a device that no longer reveals it. */
void packet_hello_reply(uint8_t out[PACKET_HEADER], uint64_t did, uint32_t stamp, const char *token);

/* The one form of hello that every known cloud accepts: ids ff, the rest zero. */
void packet_cloud_hello(uint8_t out[PACKET_HEADER]);

/* The cloud's answer: ids ff and the time; the last 16 bytes may be anything. Our own hello is not one. */
bool packet_is_cloud_hello_reply(struct ag_span datagram, uint32_t *stamp_out);

#endif
