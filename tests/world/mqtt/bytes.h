/* SPDX-License-Identifier: MIT */
/* MQTT 3.1.1 packets, as the stand-in broker and the simulated libmosquitto write and cut them. */
#ifndef WORLD_MQTT_BYTES_H
#define WORLD_MQTT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MQ_CONNECT = 1,
    MQ_CONNACK,
    MQ_PUBLISH,
    MQ_PUBACK,
    MQ_PUBREC,
    MQ_PUBREL,
    MQ_PUBCOMP,
    MQ_SUBSCRIBE,
    MQ_SUBACK,
    MQ_UNSUBSCRIBE,
    MQ_UNSUBACK,
    MQ_PINGREQ,
    MQ_PINGRESP,
    MQ_DISCONNECT
};

struct mq_bytes {
    uint8_t *p;
    size_t n, room;
};

static inline void mq_put(struct mq_bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->room) {
        b->room = (b->n + n) * 2 + 64;
        b->p = realloc(b->p, b->room);
    }
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

static inline void mq_cut(struct mq_bytes *b, size_t n)
{
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

static inline void mq_u8(struct mq_bytes *b, unsigned v)
{
    uint8_t c = (uint8_t) v;

    mq_put(b, &c, 1);
}

static inline void mq_u16(struct mq_bytes *b, unsigned v)
{
    mq_u8(b, v >> 8);
    mq_u8(b, v);
}

static inline void mq_str(struct mq_bytes *b, const void *p, size_t n)
{
    mq_u16(b, (unsigned) n);
    mq_put(b, p, n);
}

/* The whole packet out of its first byte and body; body is emptied. */
static inline void mq_packet(struct mq_bytes *out, unsigned first, struct mq_bytes *body)
{
    size_t n = body->n;

    mq_u8(out, first);
    do {
        mq_u8(out, (n & 127) | (n > 127 ? 128 : 0));
        n >>= 7;
    } while (n > 0);
    mq_put(out, body->p, body->n);
    body->n = 0;
}

static inline void mq_small(struct mq_bytes *out, unsigned first, unsigned mid)
{
    uint8_t p[4] = {(uint8_t) first, 2, (uint8_t) (mid >> 8), (uint8_t) mid};

    mq_put(out, p, 4);
}

static inline void mq_publish(struct mq_bytes *out, int dup, int qos, int retain, const char *topic, const void *payload,
                              size_t n, unsigned mid)
{
    struct mq_bytes body = {0};

    mq_str(&body, topic, strlen(topic));
    if (qos)
        mq_u16(&body, mid);
    mq_put(&body, payload, n);
    mq_packet(out, (unsigned) (MQ_PUBLISH << 4 | (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0)), &body);
    free(body.p);
}

struct mq_read {
    unsigned type, flags;
    const uint8_t *body;
    size_t n;
};

/* The bytes of the first packet, 0: it is not whole. */
static inline size_t mq_next(const uint8_t *p, size_t n, struct mq_read *out)
{
    size_t len = 0, at = 1;
    unsigned shift = 0;

    do {
        if (at >= n || at > 4)
            return 0;
        len |= (size_t) (p[at] & 127) << shift;
        shift += 7;
    } while (p[at++] & 128);
    if (n < at + len)
        return 0;
    *out = (struct mq_read){p[0] >> 4, p[0] & 15, p + at, len};
    return at + len;
}

static inline unsigned mq_get16(const uint8_t *p)
{
    return (unsigned) p[0] << 8 | p[1];
}

struct mq_msg {
    char topic[256];
    const uint8_t *payload;
    size_t n;
    int qos, retain, dup;
    unsigned mid;
};

static inline int mq_read_publish(const struct mq_read *r, struct mq_msg *out)
{
    size_t len = r->n >= 2 ? mq_get16(r->body) : 0, at = 2 + len;

    out->qos = r->flags >> 1 & 3;
    out->retain = r->flags & 1;
    out->dup = r->flags >> 3 & 1;
    if (len == 0 || len >= sizeof out->topic || at + (out->qos ? 2 : 0) > r->n)
        return -1;
    memcpy(out->topic, r->body + 2, len);
    out->topic[len] = '\0';
    out->mid = 0;
    if (out->qos) {
        out->mid = mq_get16(r->body + at);
        at += 2;
    }
    out->payload = r->body + at;
    out->n = r->n - at;
    return 0;
}

#endif
