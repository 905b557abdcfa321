/* SPDX-License-Identifier: MIT */
/* What the Gizwits stand-in demands of a device's connection: login, packets, frames. */
#include <stdlib.h>
#include <string.h>
#include "examples/sim/gizwits/gizwits_sim.h"

enum { PACKET_MAX = 1 << 20, QUEUE_MAX = 16 << 20, KEEPALIVE_MAX_S = 600 };
enum { CODE_PROTOCOL = 1, CODE_CLIENT_ID, CODE_UNAVAILABLE, CODE_LOGIN, CODE_NOT_ALLOWED };

struct gzsim_relay {
    struct mqtt_relay base;
    struct gzsim *s;
    struct gzsim_device *device; /* once CONNECT is judged */
};

static struct gzsim_relay *own(struct mqtt_relay *base)
{
    return (struct gzsim_relay *) base;
}

static struct mqtt_relay *relay_create(struct mqtt_door *door)
{
    struct gzsim *s = door->user;
    struct gzsim_relay *r = s->stopping ? NULL : calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->s = s;
    return &r->base;
}

static void relay_free(struct mqtt_relay *base)
{
    free(own(base));
}

static void relay_refused(struct mqtt_relay *base, const char *why)
{
    struct gzsim_relay *r = own(base);

    gzsim_refuse(r->s, r->device ? r->device->did : "?", why);
}

static void relay_login_refused(struct mqtt_relay *base, uint8_t code)
{
    (void) base;
    sim_note("login_refused", ",\"code\":%u", code);
}

static void relay_offline(struct mqtt_relay *base)
{
    struct gzsim_relay *r = own(base);

    if (!r->device || r->device->relay != r)
        return;
    r->device->relay = NULL;
    sim_note("offline", ",\"did\":\"%s\"", r->device->did);
}

void gzsim_relay_drop(struct gzsim_relay *r)
{
    mqtt_relay_drop(&r->base);
}

/* ---- from the broker ---- */

static void relay_online(struct mqtt_relay *base, const struct mqtt_packet *connack)
{
    struct gzsim_relay *r = own(base);
    struct gzsim_device *d = r->device;

    if (d->relay)
        gzsim_relay_drop(d->relay); /* the newer session of a DID wins */
    d->relay = r;
    r->s->current = d;
    r->s->n_logins++;
    sim_note("login", ",\"did\":\"%s\"", d->did);
    mqtt_relay_to_device(base, connack->whole);
}

static void relay_from_broker(struct mqtt_relay *base, const struct mqtt_packet *p)
{
    mqtt_relay_to_device(base, p->whole);
}

/* ---- from the device ---- */

static bool is_device_command(uint16_t cmd, bool to_app)
{
    if (!to_app)
        return cmd == GZ_ASK_APPS;
    return cmd == GZ_TO_APP || cmd == GZ_ACKED || cmd == GZ_ACK || cmd == GZ_SET_LOG_ACK || cmd == GZ_LOG;
}

/* NULL, or what forbids the publish. */
static const char *judge_publish(struct gzsim_relay *r, const struct mqtt_publish *p)
{
    char own[GZ_TOPIC_MAX];
    size_t n = (size_t) snprintf(own, sizeof own, "dev2app/%s", r->device->did);
    bool request = ag_span_eq(p->topic, "cli2ser_req") || ag_span_eq(p->topic, "ser2cli_req");
    bool to_all = ag_span_is(p->topic, own, n);
    bool to_one = p->topic.len > n + 1 && memcmp(p->topic.p, own, n) == 0 && p->topic.p[n] == '/';
    struct gz_frame f;
    const char *fault;

    if (p->qos != 0 || p->retain)
        return "PUBLISH with QoS or retain";
    if (!request && !to_all && !to_one)
        return "PUBLISH to a topic of nobody or of somebody else";
    if (to_one && !gz_app_is_good((struct ag_span){p->topic.p + n + 1, p->topic.len - n - 1}))
        return "PUBLISH to no App";
    fault = gz_frame_read(request, p->payload, &f);
    if (fault)
        return fault;
    if (!is_device_command(f.cmd, !request))
        return "a command that devices do not send there";
    if ((f.cmd == GZ_SET_LOG_ACK || f.cmd == GZ_ACK) && !to_one)
        return "an acknowledgement to nobody";
    if (f.cmd == GZ_LOG && !to_all)
        return "a log to one App";
    return NULL;
}

static void handle_publish(struct gzsim_relay *r, const struct mqtt_packet *packet)
{
    struct mqtt_publish p;
    const char *why = mqtt_wire_publish(packet, &p);

    if (!why)
        why = judge_publish(r, &p);
    if (why) {
        mqtt_relay_violate(&r->base, why);
        return;
    }
    r->s->n_frames++;
    mqtt_relay_to_broker(&r->base, packet->whole);
}

static bool filter_allowed(const struct gzsim_relay *r, struct ag_span filter)
{
    char own[GZ_TOPIC_MAX];

    for (unsigned i = 0; gz_filter(i, r->device->did, r->s->product_key, own); i++) {
        if (ag_span_is(filter, own, strlen(own)))
            return true;
    }
    return false;
}

static void handle_subscribe(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    struct ag_span filter;
    size_t at = 2;
    uint8_t qos;
    bool bad = false;

    while (mqtt_wire_filter(p->body, &at, true, &filter, &qos, &bad)) {
        if (!filter_allowed(r, filter)) {
            mqtt_relay_violate(&r->base, "SUBSCRIBE to a topic that is not the device's");
            return;
        }
        sim_note("subscribe", ",\"topic\":\"%.*s\",\"qos\":%u", (int) filter.len, filter.p, qos);
    }
    if (bad)
        mqtt_relay_violate(&r->base, "malformed SUBSCRIBE");
    else
        mqtt_relay_to_broker(&r->base, p->whole);
}

static void handle_ping(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    r->s->n_pings++;
    sim_note("ping", ",\"did\":\"%s\"", r->device->did);
    if (!gzsim_device_ping(r->device, uv_now(&r->s->loop))) {
        mqtt_relay_violate(&r->base, "more than 60 PINGREQ in 180 s");
        return;
    }
    if (!r->s->swallow)
        mqtt_relay_to_broker(&r->base, p->whole);
}

static void relay_from_device(struct mqtt_relay *base, const struct mqtt_packet *p)
{
    struct gzsim_relay *r = own(base);

    switch (p->type) {
    case MQTT_PUBLISH:
        handle_publish(r, p);
        break;
    case MQTT_SUBSCRIBE:
        handle_subscribe(r, p);
        break;
    case MQTT_PINGREQ:
        handle_ping(r, p);
        break;
    case MQTT_PUBACK:
        mqtt_relay_to_broker(&r->base, p->whole);
        break;
    case MQTT_DISCONNECT:
        sim_note("disconnect", ",\"did\":\"%s\"", r->device->did);
        mqtt_relay_to_broker(&r->base, p->whole); /* the broker closes, and so do we */
        break;
    default:
        mqtt_relay_violate(&r->base, "a packet that a device does not send");
        break;
    }
}

static int relay_login(struct mqtt_relay *base, struct mqtt_connect *c, const char **why_out)
{
    struct gzsim_relay *r = own(base);
    struct gzsim_device *d;

    (void) why_out;
    if (!ag_span_eq(c->name, "MQIsdp") || c->level != 3)
        return CODE_PROTOCOL;
    if (r->s->refuse)
        return CODE_UNAVAILABLE;
    d = gzsim_device_find(r->s, c->client_id);
    if (!d)
        return CODE_CLIENT_ID;
    if (!ag_span_is(c->user, d->did, GZSIM_DID_LEN) || !ag_span_is(c->password, d->passcode, strlen(d->passcode)))
        return CODE_LOGIN;
    if (!(c->flags & MQTT_FLAG_CLEAN) || (c->flags & MQTT_FLAG_WILL) || c->keepalive_s == 0 || c->keepalive_s > KEEPALIVE_MAX_S)
        return CODE_NOT_ALLOWED;
    r->device = d;
    c->flags &= (uint8_t) ~(MQTT_FLAG_USER | MQTT_FLAG_PASSWORD); /* the broker behind asks for none */
    return 0;
}

static const struct mqtt_relay_ops OPS = {.packet_max = PACKET_MAX,
                                          .queue_max = QUEUE_MAX,
                                          .create = relay_create,
                                          .login = relay_login,
                                          .online = relay_online,
                                          .from_device = relay_from_device,
                                          .from_broker = relay_from_broker,
                                          .refused = relay_refused,
                                          .login_refused = relay_login_refused,
                                          .offline = relay_offline,
                                          .free = relay_free};

void gzsim_relay_init(struct gzsim *s)
{
    mqtt_door_init(&s->door, &s->loop, &s->broker, &OPS, s);
}
