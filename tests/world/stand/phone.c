/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/phone.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

enum { TRIES = 4, AGAIN_MS = 3000, HELLO_LASTS_S = 20, HELLO_LASTS_LONG_S = 120 };

static void try_again(void *arg, uint64_t id);

static uint32_t own_s(void)
{
    return (uint32_t) (W.now_us / SECOND);
}

static void send_hello(struct phone *p)
{
    uint8_t h[PK_HEADER];

    memset(h, 0xff, sizeof h);
    memcpy(h, "\x21\x31\0\x20", 4);
    act_udp_send(p->udp, (struct addr){p->device_ip ? p->device_ip : DEVICE_IP, 54321}, h, sizeof h);
}

static void send_command(struct phone *p)
{
    static uint8_t packet[PK_MAX];
    size_t n = pk_encode(&p->key, p->did, own_s() + p->offset_s, p->text, strlen(p->text), packet);

    p->n_sent++;
    act_udp_send(p->udp, (struct addr){p->device_ip ? p->device_ip : DEVICE_IP, 54321}, packet, n);
}

static bool hello_is_old(const struct phone *p)
{
    return !p->greeted || W.now_us - p->hello_us > (p->relies ? HELLO_LASTS_LONG_S : HELLO_LASTS_S) * SECOND;
}

static void send_what_is_due(struct phone *p)
{
    if (hello_is_old(p))
        send_hello(p);
    else
        send_command(p);
    after(AGAIN_MS * MS, try_again, p, p->id);
}

static void try_again(void *arg, uint64_t id)
{
    struct phone *p = arg;

    if (p->id != id)
        return;
    if (++p->tries >= TRIES) {
        p->id = 0;
        p->greeted = false;
        p->on_given_up(p->user, (uint32_t) id);
        return;
    }
    send_what_is_due(p);
}

bool phone_command(struct phone *p, uint32_t id, const char *text)
{
    if (p->id)
        return false;
    p->id = id;
    p->tries = 0;
    snprintf(p->text, sizeof p->text, "%s", text);
    send_what_is_due(p);
    return true;
}

void phone_take_token(struct phone *p, const char token[16])
{
    memcpy(p->token, token, 16);
    pk_key_init(&p->key, (const uint8_t *) token);
}

/* A device that belongs to nobody tells its token; others send ones. */
static void learn(struct phone *p, const uint8_t *sum)
{
    bool told = false;

    for (int i = 0; i < 16; i++)
        told = told || (sum[i] != 0xff && sum[i] != 0);
    if (told && p->learns)
        phone_take_token(p, (const char *) sum);
}

static void on_datagram(void *user, struct addr from, const char *data, size_t n)
{
    static struct pk x;
    struct phone *p = user;
    const uint8_t *b = (const uint8_t *) data;
    const char *why, *at;
    unsigned id = 0;

    if (from.ip != (p->device_ip ? p->device_ip : DEVICE_IP))
        return;           /* nobody that it has asked */
    if (n == PK_HEADER) { /* of a hello */
        bool first = hello_is_old(p);

        learn(p, b + 16);
        p->greeted = true;
        p->hello_us = W.now_us;
        p->offset_s = ((uint32_t) b[12] << 24 | (uint32_t) b[13] << 16 | (uint32_t) b[14] << 8 | b[15]) - own_s();
        if (first && p->id)
            send_command(p);
        return;
    }
    why = pk_decode(&p->key, b, n, &x);
    if (why && p->may_be_old)
        return;
    if (why) {
        broken("a phone was answered with a bad packet: %s", why);
        return;
    }
    if (p->wants_zero && !x.zero) {
        broken("a phone was answered without the zero byte that real devices put behind the text");
        return;
    }
    at = strstr(x.text, "\"id\":");
    if (!at || sscanf(at + 5, "%u", &id) != 1) {
        broken("a phone was answered without an id: %.200s", x.text);
        return;
    }
    if (id == p->id)
        p->id = 0;
    p->on_answer(p->user, id, x.text);
}

void phone_open(struct phone *p, uint32_t ip, uint16_t port, struct link *link, uint64_t did, const char token[16])
{
    p->link = link;
    p->did = did;
    phone_take_token(p, token);
    p->udp = act_udp(ip, port, on_datagram, p);
}
