/* SPDX-License-Identifier: MIT */
#include "examples/sim/wire/ot_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <openssl/evp.h>

enum { BLOCK = 16, LENGTH_MAX = 65535 };

/* As it is on the wire. */
struct header {
    uint16_t magic, length;
    uint32_t did_high, did_low, stamp;
    uint8_t sum[16];
};

_Static_assert(sizeof(struct header) == OT_HEADER, "no gaps");

static struct header header_at(struct ag_span packet)
{
    struct header h;

    memcpy(&h, packet.p, sizeof h);
    return h;
}

static struct header header_of(size_t length, uint64_t did, uint32_t stamp)
{
    return (struct header){.magic = htons(0x2131),
                           .length = htons((uint16_t) length),
                           .did_high = htonl((uint32_t) (did >> 32)),
                           .did_low = htonl((uint32_t) did),
                           .stamp = htonl(stamp)};
}

static bool md5_of(uint8_t out[16], const void *a, size_t a_len, const void *b, size_t b_len, const void *c, size_t c_len)
{
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    bool good = m && EVP_DigestInit_ex(m, EVP_md5(), NULL) && EVP_DigestUpdate(m, a, a_len) && EVP_DigestUpdate(m, b, b_len) &&
                EVP_DigestUpdate(m, c, c_len) && EVP_DigestFinal_ex(m, out, NULL);

    EVP_MD_CTX_free(m);
    return good;
}

/* out has room for n and one block. The length of the result, or -1. */
static int aes(bool encrypt, const char *secret, const void *in, size_t n, uint8_t *out)
{
    uint8_t key[16], iv[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int got = 0, rest = 0;
    bool good = c && md5_of(key, secret, OT_SECRET, "", 0, "", 0) && md5_of(iv, key, sizeof key, secret, OT_SECRET, "", 0) &&
                EVP_CipherInit_ex(c, EVP_aes_128_cbc(), NULL, key, iv, encrypt) && EVP_CipherUpdate(c, out, &got, in, (int) n) &&
                EVP_CipherFinal_ex(c, out + got, &rest);

    EVP_CIPHER_CTX_free(c);
    return good ? got + rest : -1;
}

static bool sum_of(uint8_t out[16], const char *packet, size_t len, const char *secret)
{
    return md5_of(out, packet, offsetof(struct header, sum), secret, OT_SECRET, packet + OT_HEADER, len - OT_HEADER);
}

int ot_packet_seal(struct ag_buf *out, const char secret[OT_SECRET], uint64_t did, uint32_t stamp, struct ag_span text)
{
    size_t cipher = text.len > 0 ? text.len - text.len % BLOCK + BLOCK : 0;
    struct header h = header_of(OT_HEADER + cipher, did, stamp);
    char *at;

    if (OT_HEADER + cipher > LENGTH_MAX)
        return -EMSGSIZE;
    if (ag_buf_reserve(out, OT_HEADER + cipher + BLOCK) < 0)
        return -ENOMEM;
    at = out->data + out->len;
    memcpy(at, &h, sizeof h);
    if (cipher > 0 && aes(true, secret, text.p, text.len, (uint8_t *) at + OT_HEADER) != (int) cipher)
        return -ENOMEM;
    if (!sum_of(h.sum, at, OT_HEADER + cipher, secret))
        return -ENOMEM;
    memcpy(at, &h, sizeof h);
    out->len += OT_HEADER + cipher;
    return 0;
}

int ot_packet_length(struct ag_span stream)
{
    static const char magic[] = {0x21, 0x31};
    uint16_t length;

    if (stream.len == 0)
        return 0;
    if (memcmp(stream.p, magic, stream.len < 2 ? stream.len : 2) != 0)
        return -1;
    if (stream.len < 4)
        return 0;
    memcpy(&length, stream.p + 2, 2);
    length = ntohs(length);
    return length >= OT_HEADER && length % BLOCK == 0 ? length : -1;
}

const char *ot_packet_open(struct ot_packet *out, const char secret[OT_SECRET], struct ag_span packet, struct ag_buf *plain)
{
    int length = ot_packet_length(packet), n;
    struct header h;
    uint8_t sum[16];

    ag_buf_clear(plain);
    if (packet.len >= 2 && memcmp(packet.p, "\x21\x31", 2) != 0)
        return "magic";
    if (length <= 0 || (size_t) length != packet.len)
        return "length";
    h = header_at(packet);
    if (!sum_of(sum, packet.p, packet.len, secret))
        return "out of memory";
    if (memcmp(sum, h.sum, sizeof sum) != 0)
        return "checksum";
    *out = (struct ot_packet){ot_packet_did(packet), ot_packet_stamp(packet), packet.len > OT_HEADER};
    if (!out->has_text)
        return NULL;
    if (ag_buf_reserve(plain, packet.len) < 0)
        return "out of memory";
    n = aes(false, secret, packet.p + OT_HEADER, packet.len - OT_HEADER, (uint8_t *) plain->data);
    if (n < 0)
        return "padding";
    plain->len = strnlen(plain->data, (size_t) n);
    return NULL;
}

uint64_t ot_packet_did(struct ag_span packet)
{
    struct header h = header_at(packet);

    return (uint64_t) ntohl(h.did_high) << 32 | ntohl(h.did_low);
}

uint32_t ot_packet_stamp(struct ag_span packet)
{
    return ntohl(header_at(packet).stamp);
}

void ot_packet_hello(uint8_t out[OT_HEADER], uint32_t stamp)
{
    struct header h = header_of(OT_HEADER, UINT64_MAX, stamp);

    memcpy(out, &h, sizeof h);
}
