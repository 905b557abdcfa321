/* SPDX-License-Identifier: MIT */
#include "client/lan/core/packet.h"

#include <errno.h>
#include <string.h>
#include "client/lan/core/crypt.h"

enum { AT_LENGTH = 2, AT_DID = 4, AT_STAMP = 12, AT_SUM = 16 };

static const uint8_t magic[2] = {0x21, 0x31};

static void put_be(uint8_t *p, uint64_t v, unsigned n)
{
    while (n > 0) {
        p[--n] = (uint8_t) v;
        v >>= 8;
    }
}

static uint64_t get_be(const char *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v = v << 8 | (uint8_t) p[i];
    return v;
}

static struct ag_span bytes(const void *p, size_t n)
{
    return (struct ag_span){p, n};
}

static void wipe(void *p, size_t n)
{
    explicit_bzero(p, n);
}

void packet_key_deinit(struct packet_key *k)
{
    k->crypt = crypt_free(k->crypt);
    wipe(k, sizeof *k);
}

int packet_key_change(struct packet_key *k, const char secret[PACKET_SECRET])
{
    uint8_t key[16], iv[16];
    int r = crypt_md5(k->crypt, (struct ag_span[]){bytes(secret, 16)}, 1, key);

    if (r == 0)
        r = crypt_md5(k->crypt, (struct ag_span[]){bytes(key, 16), bytes(secret, 16)}, 2, iv);
    if (r == 0)
        r = crypt_set_key(k->crypt, key, iv);
    if (r == 0) {
        memcpy(k->secret, secret, sizeof k->secret);
        memcpy(k->key, key, sizeof k->key);
        memcpy(k->iv, iv, sizeof k->iv);
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(iv, sizeof iv);
    return r;
}

int packet_key_init(struct packet_key *k, const char secret[PACKET_SECRET])
{
    int r;

    memset(k, 0, sizeof *k);
    r = crypt_new(&k->crypt);
    if (r == 0)
        r = packet_key_change(k, secret);
    if (r < 0)
        packet_key_deinit(k);
    return r;
}

static int checksum(const struct packet_key *key, struct ag_span packet, uint8_t out[16])
{
    const struct ag_span parts[] = {
        bytes(packet.p, AT_SUM),
        bytes(key->secret, PACKET_SECRET),
        bytes(packet.p + PACKET_HEADER, packet.len - PACKET_HEADER),
    };

    return crypt_md5(key->crypt, parts, ag_array_size(parts), out);
}

static void put_header(uint8_t *h, size_t len, uint64_t did, uint32_t stamp)
{
    memcpy(h, magic, sizeof magic);
    put_be(h + AT_LENGTH, len, 2);
    put_be(h + AT_DID, did, 8);
    put_be(h + AT_STAMP, stamp, 4);
}

int packet_encode(struct ag_buf *out, const struct packet_key *key, uint64_t did, uint32_t stamp, struct ag_span payload)
{
    size_t n = PACKET_HEADER + (payload.len > 0 ? crypt_padded(payload.len) : 0);
    uint8_t *h;
    int r;

    if (payload.len > PACKET_TEXT_MAX)
        return -EMSGSIZE;
    r = ag_buf_reserve(out, n);
    if (r < 0)
        return r;
    h = (uint8_t *) out->data + out->len;
    put_header(h, n, did, stamp);
    if (payload.len > 0)
        r = crypt_encrypt(key->crypt, payload, h + PACKET_HEADER);
    if (r == 0)
        r = checksum(key, bytes(h, n), h + AT_SUM);
    if (r == 0)
        out->len += n;
    return r;
}

int packet_frame(struct ag_span stream, size_t *len_out)
{
    size_t len;

    if (stream.len >= 1 && (uint8_t) stream.p[0] != magic[0])
        return PACKET_E_MAGIC;
    if (stream.len >= 2 && (uint8_t) stream.p[1] != magic[1])
        return PACKET_E_MAGIC;
    if (stream.len < AT_DID)
        return -EAGAIN;
    len = (size_t) get_be(stream.p + AT_LENGTH, 2);
    if (len < PACKET_HEADER || (len - PACKET_HEADER) % CRYPT_BLOCK != 0)
        return PACKET_E_LENGTH;
    *len_out = len;
    return 0;
}

/* Takes the same time wherever the difference is: how far a checksum matched must not leak. */
static bool same(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;

    while (n-- > 0)
        diff |= (uint8_t) (x[n] ^ y[n]);
    return diff == 0;
}

static int decrypt(const struct packet_key *key, struct ag_span data, struct ag_buf *plain)
{
    const char *end;
    size_t n;
    int r;

    if (data.len == 0)
        return 0;
    r = ag_buf_reserve(plain, data.len);
    if (r < 0)
        return r;
    r = crypt_decrypt(key->crypt, data, (uint8_t *) plain->data, &n);
    if (r != 0)
        return r == CRYPT_E_PADDING ? PACKET_E_PADDING : r;
    end = memchr(plain->data, 0, n);
    plain->len = end ? (size_t) (end - plain->data) : n;
    return 0;
}

int packet_decode(struct packet *out, const struct packet_key *key, struct ag_span datagram, struct ag_buf *plain)
{
    uint8_t sum[16];
    size_t len;
    int r;

    ag_buf_clear(plain);
    r = packet_frame(datagram, &len);
    if (r == -EAGAIN)
        return PACKET_E_LENGTH;
    if (r != 0)
        return r;
    if (len != datagram.len)
        return PACKET_E_LENGTH;
    r = checksum(key, datagram, sum);
    if (r < 0)
        return r;
    if (!same(sum, datagram.p + AT_SUM, sizeof sum))
        return PACKET_E_CHECKSUM;
    r = decrypt(key, bytes(datagram.p + PACKET_HEADER, len - PACKET_HEADER), plain);
    if (r != 0)
        return r;
    *out = (struct packet){
        .did = packet_peek_did(datagram),
        .stamp = packet_peek_stamp(datagram),
        .header_only = len == PACKET_HEADER,
    };
    return 0;
}

uint64_t packet_peek_did(struct ag_span datagram)
{
    return get_be(datagram.p + AT_DID, 8);
}

uint32_t packet_peek_stamp(struct ag_span datagram)
{
    return (uint32_t) get_be(datagram.p + AT_STAMP, 4);
}

const uint8_t *packet_checksum(struct ag_span datagram)
{
    return (const uint8_t *) datagram.p + 16;
}

static bool has_hello_head(struct ag_span d)
{
    size_t len;

    return d.len == PACKET_HEADER && packet_frame(d, &len) == 0 && len == PACKET_HEADER && packet_peek_did(d) == UINT64_MAX;
}

bool packet_is_hello(struct ag_span datagram)
{
    return has_hello_head(datagram) && packet_peek_stamp(datagram) == UINT32_MAX;
}

void packet_hello_reply(uint8_t out[PACKET_HEADER], uint64_t did, uint32_t stamp, const char *token)
{
    put_header(out, PACKET_HEADER, did, stamp);
    if (token)
        memcpy(out + AT_SUM, token, PACKET_SECRET);
    else
        memset(out + AT_SUM, 0xff, PACKET_SECRET);
}

void packet_cloud_hello(uint8_t out[PACKET_HEADER])
{
    put_header(out, PACKET_HEADER, UINT64_MAX, 0);
    memset(out + AT_SUM, 0, PACKET_SECRET);
}

bool packet_is_cloud_hello_reply(struct ag_span datagram, uint32_t *stamp_out)
{
    uint32_t stamp;

    if (!has_hello_head(datagram))
        return false;
    stamp = packet_peek_stamp(datagram);
    if (stamp == 0 || stamp == UINT32_MAX)
        return false;
    *stamp_out = stamp;
    return true;
}
