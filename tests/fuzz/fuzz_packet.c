/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a datagram under a fixed key, as they are and with the checksum made right, so that decryption is reached
 * as well. The first byte chooses. Invariants: a decoded packet encodes to one of the same fields; no zero byte comes out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/lan/core/crypt.h"
#include "client/lan/core/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_text(const struct packet_key *key, const struct packet *p, const struct ag_buf *plain)
{
    struct ag_buf again = AG_BUF_INIT, text = AG_BUF_INIT;
    struct packet q;

    if (ag_buf_size(plain) > 0 && memchr(ag_buf_head(plain), 0, ag_buf_size(plain)))
        abort();
    if (packet_encode(&again, key, p->did, p->stamp, ag_buf_span(plain)) != 0 ||
        packet_decode(&q, key, ag_buf_span(&again), &text) != 0)
        abort();
    if (q.did != p->did || q.stamp != p->stamp || ag_buf_size(&text) != ag_buf_size(plain))
        abort();
    ag_buf_deinit(&again);
    ag_buf_deinit(&text);
}

static void seal(const struct packet_key *key, uint8_t *d, size_t n)
{
    const struct ag_span parts[] = {
        {(char *) d, 16}, {(const char *) key->secret, 16}, {(char *) d + PACKET_HEADER, n - PACKET_HEADER}};

    d[0] = 0x21;
    d[1] = 0x31;
    d[2] = (uint8_t) (n >> 8);
    d[3] = (uint8_t) n;
    if (crypt_md5(key->crypt, parts, 3, d + 16) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_buf plain = AG_BUF_INIT;
    struct packet_key key;
    struct packet p;
    uint32_t stamp;
    uint8_t *copy;
    size_t len;

    if (n < 1 || n > PACKET_MAX || packet_key_init(&key, "a1B2c3D4e5F6g7H8") != 0)
        return 0;
    n--;
    copy = malloc(n + 1);
    if (!copy)
        abort();
    memcpy(copy, data + 1, n);
    if ((data[0] & 1) && n >= PACKET_HEADER)
        seal(&key, copy, n);
    packet_is_hello((struct ag_span){(char *) copy, n});
    packet_is_cloud_hello_reply((struct ag_span){(char *) copy, n}, &stamp);
    if (packet_frame((struct ag_span){(char *) copy, n}, &len) == 0 && (len < PACKET_HEADER || len > PACKET_MAX))
        abort();
    if (packet_decode(&p, &key, (struct ag_span){(char *) copy, n}, &plain) == 0)
        check_text(&key, &p, &plain);
    free(copy);
    ag_buf_deinit(&plain);
    packet_key_deinit(&key);
    return 0;
}
