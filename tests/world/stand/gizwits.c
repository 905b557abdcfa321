/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/gizwits.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

enum { TO_DEVICE = 0x90, TO_APP = 0x91, ACKED = 0x93, ACK = 0x94, LOG = 0x12, ASK_APPS = 0x20f, APPS = 0x210 };

/* ---- GService ---- */

static bool value(const char *body, const char *name, char *out, size_t room)
{
    size_t n = strlen(name);

    for (const char *p = body; p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            snprintf(out, room, "%.*s", (int) strcspn(p + n + 1, "&"), p + n + 1);
            return true;
        }
    return false;
}

static int find(const struct gizwits *g, const char *did)
{
    for (unsigned i = 0; i < g->n; i++)
        if (strcmp(g->at[i].did, did) == 0 && !g->at[i].disabled)
            return (int) i;
    return -1;
}

static void make_device(struct gizwits *g, const char *body, struct http_answer *out)
{
    char passcode[64], mac[64], key[64];

    if (!value(body, "passcode", passcode, sizeof passcode) || !value(body, "mac", mac, sizeof mac) ||
        !value(body, "product_key", key, sizeof key) || strcmp(mac, "aabbccddeeff") != 0 || strcmp(key, GIZWITS_KEY) != 0 ||
        strlen(passcode) < 1 || strlen(passcode) > 32) {
        broken("Gizwits was asked to make a device out of %.200s", body);
        return;
    }
    if (g->n == GIZWITS_DIDS) {
        out->status = 503;
        return;
    }
    snprintf(g->at[g->n].did, sizeof g->at[0].did, "Gw%020u", g->n);
    snprintf(g->at[g->n].passcode, sizeof g->at[0].passcode, "%.32s", passcode);
    out->status = 201;
    snprintf(out->text, sizeof out->text, "did=%s", g->at[g->n].did);
    g->n++;
}

static void disable(struct gizwits *g, const char *body, struct http_answer *out)
{
    char did[64] = "", passcode[64] = "";
    int i;

    value(body, "did", did, sizeof did);
    value(body, "passcode", passcode, sizeof passcode);
    i = find(g, did);
    out->status = i < 0 ? 404 : 200;
    if (i >= 0 && strcmp(g->at[i].passcode, passcode) != 0)
        broken("Gizwits was asked to disable %s with a wrong passcode", did);
    else if (i >= 0)
        g->at[i].disabled = true;
}

static void on_ask(void *user, const struct http_ask *ask, struct http_answer *out)
{
    struct gizwits *g = user;

    out->status = 404;
    if (strcmp(ask->path, "/dev/devices") == 0 && strcmp(ask->method, "POST") == 0) {
        make_device(g, ask->body, out);
    } else if (strcmp(ask->path, "/dev/devices") == 0 && strcmp(ask->method, "DELETE") == 0) {
        disable(g, ask->body, out);
    } else if (strncmp(ask->path, "/dev/devices/", 13) == 0 && strcmp(ask->method, "GET") == 0) {
        if (find(g, ask->path + 13) < 0)
            return;
        out->status = 200;
        snprintf(out->text, sizeof out->text, "host=m2m.world&port=1883&server_ts=%llu",
                 (unsigned long long) (1764000000 + W.now_us / SECOND));
    } else if (strncmp(ask->path, "/dev/ota/v4.1/update_and_check/", 31) == 0) {
        out->status = 204;
    } else {
        broken("Gizwits was asked %s %s", ask->method, ask->path);
    }
}

/* ---- M2M ---- */

static const char *check(void *user, const struct broker_login *l)
{
    struct gizwits *g = user;
    int i = find(g, l->id);

    if (l->level != 3 || strcmp(l->id, l->name) != 0)
        return "MQTT 3.1 with the DID as client and user";
    if (i < 0 || strcmp(g->at[i].passcode, l->password) != 0)
        return BROKER_REFUSES;
    g->newest = (unsigned) i + 1;
    return NULL;
}

static uint32_t number(const uint8_t *p, int n)
{
    uint32_t v = 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* A frame with a length: its command, and where its body is. NULL: none. */
static const uint8_t *frame(const uint8_t *p, size_t n, unsigned *cmd, size_t *len)
{
    size_t at = 4, l = 0;

    if (n < 8 || number(p, 4) != 3)
        return NULL;
    for (int shift = 0; at < n && shift < 28; shift += 7) {
        l |= (size_t) (p[at] & 127) << shift;
        if (!(p[at++] & 128))
            break;
    }
    if (l < 3 || at + l != n || p[at] != 0)
        return NULL;
    *cmd = number(p + at + 1, 2);
    *len = l - 3;
    return p + at + 3;
}

static void put_frame(struct gizwits *g, const char *topic, unsigned cmd, bool has_sn, uint32_t sn, const char *text)
{
    size_t l = 3 + (has_sn ? 4 : 0) + strlen(text), n = 4;
    uint8_t out[1024] = {0, 0, 0, 3};

    for (size_t left = l; left > 0 || n == 4; left >>= 7)
        out[n++] = (uint8_t) ((left & 127) | (left > 127 ? 128 : 0));
    out[n++] = 0;
    out[n++] = 0;
    out[n++] = (uint8_t) cmd;
    for (int i = 3; has_sn && i >= 0; i--)
        out[n++] = (uint8_t) (sn >> 8 * i);
    memcpy(out + n, text, strlen(text));
    broker_give(g->broker, g->at[g->newest - 1].did, topic, out, n + strlen(text), 0);
}

static void on_request(struct gizwits *g, const uint8_t *p, size_t n)
{
    static const char apps[] = "\0\0\0\3\2\x10\0\1";
    char topic[64];

    if (n != 6 || number(p, 4) != 3 || number(p + 4, 2) != ASK_APPS) {
        broken("Gizwits was asked something unknown, %zu bytes", n);
        return;
    }
    snprintf(topic, sizeof topic, "ser2cli_res/%s", g->at[g->newest - 1].did);
    broker_give(g->broker, g->at[g->newest - 1].did, topic, apps, 8, 0);
}

static void on_publish(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain)
{
    struct gizwits *g = user;
    const uint8_t *p = (const uint8_t *) payload, *body;
    char text[2048];
    unsigned cmd;
    size_t len;

    if (qos || dup || retain) {
        broken("Gizwits was sent QoS %d, dup %d, retain %d", qos, dup, retain);
        return;
    }
    if (strcmp(topic, "cli2ser_req") == 0) {
        on_request(g, p, n);
        return;
    }
    body = frame(p, n, &cmd, &len);
    if (strncmp(topic, "dev2app/Gw", 10) != 0 || strlen(topic) < 30 || !body) {
        broken("Gizwits was sent no frame, or on a wrong topic: %s", topic);
        return;
    }
    if (cmd == ACK || cmd == ACKED) {
        body += 4;
        len -= 4;
    }
    snprintf(text, sizeof text, "%.*s", (int) len, (const char *) body);
    if (topic[30] == '\0' && cmd == TO_APP)
        g->on_report(g->user, text);
    else if (strcmp(topic + 30, "/app1") == 0 && (cmd == TO_APP || cmd == ACK))
        g->on_answer(g->user, text);
    else if (cmd != LOG)
        broken("Gizwits was sent command %x on %s", cmd, topic);
}

bool gizwits_is_in(const struct gizwits *g)
{
    char topic[64];

    if (g->newest == 0 || !broker_is_in(g->broker, g->at[g->newest - 1].did))
        return false;
    snprintf(topic, sizeof topic, "app2dev/%s/app1", g->at[g->newest - 1].did);
    return broker_serves(g->broker, topic);
}

void gizwits_give(struct gizwits *g, const char *text, uint32_t sn)
{
    char topic[64];

    snprintf(topic, sizeof topic, "app2dev/%s/app1", g->at[g->newest - 1].did);
    put_frame(g, topic, sn ? ACKED : TO_DEVICE, sn != 0, sn, text);
}

void gizwits_open(struct gizwits *g, struct broker *b, uint32_t ip)
{
    g->broker = b;
    b->user = g;
    b->check = check;
    b->on_publish = on_publish;
    b->pings_max = 60;
    g->web.on_ask = on_ask;
    g->web.user = g;
    http_open(&g->web, ip, 80);
}
