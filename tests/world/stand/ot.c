/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/ot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

static uint32_t now_s(void)
{
    /* the cloud's clock is right, whatever the device's says */
    return (uint32_t) (1764000000 + W.now_us / SECOND);
}

static void send_packet(struct ot_cloud *o, const uint8_t *p, size_t n)
{
    if (o->tcp)
        act_send(o->tcp, p, n);
    else
        act_udp_send(o->udp, o->from, p, n);
}

static void send_text(struct ot_cloud *o, const char *text)
{
    static uint8_t packet[PK_MAX];

    send_packet(o, packet, pk_encode(&o->key, o->did, now_s(), text, strlen(text), packet));
}

static bool member(const char *text, const char *name, char *out, size_t room)
{
    const char *at = strstr(text, name);
    size_t n;

    if (!at)
        return false;
    at += strlen(name);
    n = strcspn(at, "\"");
    if (n >= room)
        n = room - 1;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

static void end_session(void *arg, uint64_t unused)
{
    struct ot_cloud *o = arg;

    (void) unused;
    if (o->shuts)
        ot_restart(o);
}

static void serve_text(struct ot_cloud *o, const char *text)
{
    char method[64] = "", ack[64];
    const char *at = strstr(text, "\"id\":");
    unsigned long id = at ? strtoul(at + 5, NULL, 10) : 0;

    if (!at || id == 0 || id > 2147483647) {
        broken("the OT cloud was sent a text without a good id: %.200s", text);
        return;
    }
    if (!member(text, "\"method\":\"", method, sizeof method)) {
        o->on_answer(o->user, (uint32_t) id, text);
        return;
    }
    if (strcmp(method, "_otc.info") == 0) {
        o->informed = true;
        snprintf(ack, sizeof ack, "{\"id\":%lu,\"result\":{\"otc_list\":[]}}", id);
        send_text(o, ack);
        if (o->shuts && o->tcp)
            after(500 * MS, end_session, o, 0);
        return;
    }
    o->on_report(o->user, (uint32_t) id, text);
    if (o->no_acks)
        return;
    snprintf(ack, sizeof ack, "{\"id\":%lu,\"result\":\"ok\"}", id);
    send_text(o, ack);
}

static void serve(struct ot_cloud *o, const uint8_t *p, size_t n)
{
    static struct pk x;
    const char *why;
    bool hello = n == PK_HEADER;

    for (int i = 4; hello && i < 12; i++)
        hello = p[i] == 0xff;
    for (int i = 12; hello && i < PK_HEADER; i++)
        hello = p[i] == 0;
    if (o->mute)
        return;
    o->heard_us = W.now_us;
    if (hello) {
        uint8_t h[PK_HEADER];

        memcpy(h, p, PK_HEADER);
        for (int i = 0; i < 4; i++)
            h[12 + i] = (uint8_t) (now_s() >> (24 - 8 * i));
        o->greeted = true;
        o->n_hellos++;
        send_packet(o, h, sizeof h);
        return;
    }
    if (!o->greeted)
        return;
    why = pk_decode(&o->key, p, n, &x);
    if (why || x.did != o->did)
        broken("the OT cloud was sent a bad packet: %s", why ? why : "did");
    else if (!pk_is_utf8(x.text))
        broken("the OT cloud was sent a text that is no UTF-8: %.200s", x.text);
    else if (x.n == 0)
        send_packet(o, p, n);
    else
        serve_text(o, x.text);
}

static void on_udp(void *user, struct addr from, const char *p, size_t n)
{
    struct ot_cloud *o = user;

    if (o->tcp)
        return;
    o->from = from;
    serve(o, (const uint8_t *) p, n);
}

static void on_data(void *user, struct vsock *s, const char *p, size_t n)
{
    struct ot_cloud *o = user;

    if (s != o->tcp || o->n_in + n > sizeof o->in)
        return;
    memcpy(o->in + o->n_in, p, n);
    o->n_in += n;
    while (o->n_in >= PK_HEADER) {
        size_t len = (size_t) o->in[2] << 8 | o->in[3];

        if (len < PK_HEADER) {
            broken("the OT cloud's stream is out of step");
            return;
        }
        if (o->n_in < len || s != o->tcp)
            return;
        serve(o, o->in, len);
        if (s != o->tcp)
            return;
        memmove(o->in, o->in + len, o->n_in - len);
        o->n_in -= len;
    }
}

static void on_closed(void *user, struct vsock *s)
{
    struct ot_cloud *o = user;

    if (s == o->tcp) {
        o->tcp = NULL;
        o->greeted = o->informed = false;
    }
    act_close(s, false);
}

static const struct act_events EVENTS = {on_data, on_closed};

static void on_accept(void *user, struct vsock *s)
{
    struct ot_cloud *o = user;

    if (o->tcp) {
        struct vsock *old = o->tcp;

        o->tcp = NULL;
        act_close(old, true);
    }
    o->n_connects++;
    o->tcp = s;
    o->n_in = 0;
    o->greeted = o->informed = false;
    act_take(s, &EVENTS, o);
}

void ot_open(struct ot_cloud *o, uint32_t ip, uint16_t port, struct link *link, uint64_t did, const char key[16])
{
    o->link = link;
    o->did = did;
    pk_key_init(&o->key, (const uint8_t *) key);
    o->udp = act_udp(ip, port, on_udp, o);
    act_listen(ip, port, on_accept, o);
}

bool ot_send(struct ot_cloud *o, const char *text)
{
    if (!o->greeted || !o->informed || o->mute)
        return false;
    send_text(o, text);
    return true;
}

void ot_restart(struct ot_cloud *o)
{
    o->greeted = o->informed = false;
    if (o->tcp)
        on_closed(o, o->tcp);
}
