/* SPDX-License-Identifier: MIT */
/* What the OneNET stand-in demands of a device's connection: login, topics, data points, answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/onenet/onenet_sim.h"
#include "examples/sim/onenet/onenet_wire.h"

enum { PACKET_MAX = 4 << 20, QUEUE_MAX = 64 << 20, FILTERS_MAX = 100 };

/* A SUBSCRIBE whose bad filters were left out: its SUBACK gets their 0x80 back. */
struct pending_sub {
    struct ag_list link;
    uint16_t mid;
    unsigned n;
    uint8_t code[FILTERS_MAX];
};

struct onsim_relay {
    struct mqtt_relay base;
    struct onsim *s;
    struct onsim_device *device; /* once CONNECT is judged */
    struct ag_list pending_subs;
};

static struct onsim_relay *own(struct mqtt_relay *base)
{
    return (struct onsim_relay *) base;
}

static int to_device(struct onsim_relay *r, struct ag_span bytes)
{
    return mqtt_relay_to_device(&r->base, bytes);
}

static int to_broker(struct onsim_relay *r, struct ag_span bytes)
{
    return mqtt_relay_to_broker(&r->base, bytes);
}

static void violate(struct onsim_relay *r, const char *why)
{
    mqtt_relay_violate(&r->base, why);
}

int onsim_relay_raw(struct onsim_relay *r, struct ag_span bytes)
{
    return to_device(r, bytes);
}

static int inject(struct onsim_relay *r, struct ag_span topic, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (!r || r->base.state != MQTT_RELAY_OPEN)
        return -ENOTCONN;
    if (mqtt_wire_put_publish(&b, topic, payload) < 0)
        return -ENOMEM;
    return to_device(r, ag_buf_span(&b));
}

void onsim_relay_drop(struct onsim_relay *r)
{
    mqtt_relay_drop(&r->base);
}

/* ---- life ---- */

static struct mqtt_relay *relay_create(struct mqtt_door *door)
{
    struct onsim *s = door->user;
    struct onsim_relay *r = s->stopping ? NULL : calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->s = s;
    ag_list_init(&r->pending_subs);
    return &r->base;
}

static void relay_free(struct mqtt_relay *base)
{
    struct onsim_relay *r = own(base);

    while (!ag_list_empty(&r->pending_subs)) {
        struct pending_sub *p = ag_list_first(&r->pending_subs, struct pending_sub, link);

        ag_list_del(&p->link);
        free(p);
    }
    free(r);
}

static void relay_refused(struct mqtt_relay *base, const char *why)
{
    struct onsim_relay *r = own(base);

    onsim_refuse(r->s, r->device ? r->device->id : "?", why);
}

static void relay_login_refused(struct mqtt_relay *base, uint8_t code)
{
    (void) base;
    sim_note("login_refused", ",\"code\":%u", code);
}

/* A later login of the same device has reached the broker, which closes r for it, before or after the CONNACK. */
static bool is_taken_over(const struct onsim_relay *r)
{
    ag_list_for_each (it, &r->s->door.relays) {
        const struct onsim_relay *other = own(ag_list_entry(it, struct mqtt_relay, link));

        if (other != r && other->device == r->device && !other->base.closing && other->base.state >= MQTT_RELAY_WAIT_CONNACK)
            return true;
    }
    return false;
}

static void relay_offline(struct mqtt_relay *base)
{
    struct onsim_relay *r = own(base);

    if (!r->device || r->device->relay != r)
        return;
    r->device->relay = NULL;
    if (is_taken_over(r))
        sim_note("thrown_out", ",\"device\":\"%s\"", r->device->id);
    sim_note("offline", ",\"device\":\"%s\"", r->device->id);
}

/* ---- from the broker ---- */

static void relay_online(struct mqtt_relay *base, const struct mqtt_packet *p)
{
    struct onsim_relay *r = own(base);
    struct onsim_device *d = r->device;

    if (d->relay)
        onsim_relay_drop(d->relay);
    d->relay = r;
    r->s->n_logins++;
    sim_note("login", ",\"device\":\"%s\",\"session_present\":%s", d->id, p->body.p[0] & 1 ? "true" : "false");
    if (!(p->body.p[0] & 1) && d->qos2_open)
        memset(d->qos2_open, 0, 8192);
    to_device(r, p->whole);
    onsim_commands_send(r->s, d);
}

static void handle_suback(struct onsim_relay *r, const struct mqtt_packet *p)
{
    uint16_t mid = mqtt_wire_mid(p->body);
    size_t given = 2;

    ag_list_for_each (it, &r->pending_subs) {
        struct pending_sub *s = ag_list_entry(it, struct pending_sub, link);
        ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
        uint8_t body[2 + FILTERS_MAX];

        if (s->mid != mid)
            continue;
        memcpy(body, p->body.p, 2);
        for (unsigned i = 0; i < s->n; i++)
            body[2 + i] = s->code[i] == 0x80 || given >= p->body.len ? 0x80 : (uint8_t) p->body.p[given++];
        if (mqtt_wire_put(&b, MQTT_SUBACK, 0, (struct ag_span){(char *) body, 2 + s->n}) == 0)
            to_device(r, ag_buf_span(&b));
        ag_list_del(&s->link);
        free(s);
        return;
    }
}

static void relay_from_broker(struct mqtt_relay *base, const struct mqtt_packet *p)
{
    if (p->type == MQTT_SUBACK)
        handle_suback(own(base), p);
    else
        to_device(own(base), p->whole);
}

/* ---- from the device ---- */

static bool qos2_seen(struct onsim_device *d, uint16_t mid)
{
    uint8_t bit = (uint8_t) (1 << (mid & 7));
    bool seen;

    if (!d->qos2_open && !(d->qos2_open = calloc(1, 8192)))
        return false;
    seen = d->qos2_open[mid >> 3] & bit;
    d->qos2_open[mid >> 3] |= bit;
    return seen;
}

static bool cut_prefix(struct ag_span s, const char *prefix, struct ag_span *rest)
{
    size_t n = strlen(prefix);

    if (s.len < n || memcmp(s.p, prefix, n) != 0)
        return false;
    *rest = (struct ag_span){s.p + n, s.len - n};
    return true;
}

static void handle_publish(struct onsim_relay *r, const struct mqtt_packet *packet)
{
    struct onsim *s = r->s;
    struct mqtt_publish p;
    const char *why = mqtt_wire_publish(packet, &p);
    struct ag_span uuid;
    bool repeated;

    if (why) {
        violate(r, why);
        return;
    }
    repeated = p.qos == 2 && qos2_seen(r->device, p.mid);
    if (ag_span_eq(p.topic, "$dp")) {
        if (!repeated)
            onsim_data(s, r->device, &p);
    } else if (cut_prefix(p.topic, "$crsp/", &uuid)) {
        if (!repeated)
            onsim_answer(s, r->device, uuid, &p);
    } else if (p.topic.p[0] == '$' || memchr(p.topic.p, '+', p.topic.len) || memchr(p.topic.p, '#', p.topic.len)) {
        violate(r, "PUBLISH to a reserved topic or with wildcards");
        return;
    } else {
        sim_note("publish", ",\"device\":\"%s\",\"topic\":\"%.*s\",\"qos\":%u,\"retain\":%s,\"bytes\":%zu", r->device->id,
                 (int) p.topic.len, p.topic.p, p.qos, p.retain ? "true" : "false", p.payload.len);
    }
    to_broker(r, packet->whole);
}

/* Judges one filter of SUBSCRIBE: true when the broker may see it. */
static bool admit_filter(struct onsim_relay *r, struct ag_span filter)
{
    struct onsim_device *d = r->device;
    const char *fault = on_topic_fault(filter, true);

    if (fault) {
        onsim_refuse(r->s, d->id, fault);
        return false;
    }
    if (onsim_topic_find(&d->subs, filter))
        return true;
    if (d->n_subs >= ON_SUBSCRIPTIONS_MAX) {
        onsim_refuse(r->s, d->id, "over 100 subscriptions");
        return false;
    }
    if (onsim_topic_add(&d->subs, filter) < 0)
        return false;
    d->n_subs++;
    sim_note("subscribe", ",\"device\":\"%s\",\"topic\":\"%.*s\"", d->id, (int) filter.len, filter.p);
    return true;
}

static void answer_all_refused(struct onsim_relay *r, const struct pending_sub *s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uint8_t body[2 + FILTERS_MAX] = {(uint8_t) (s->mid >> 8), (uint8_t) (s->mid & 0xff)};

    memset(body + 2, 0x80, s->n);
    if (mqtt_wire_put(&b, MQTT_SUBACK, 0, (struct ag_span){(char *) body, 2 + s->n}) == 0)
        to_device(r, ag_buf_span(&b));
}

/* Only the good filters go on, under the same packet id. */
static void handle_subscribe(struct onsim_relay *r, const struct mqtt_packet *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT, b = AG_BUF_INIT;
    struct pending_sub *s = calloc(1, sizeof *s);
    struct ag_span filter;
    size_t at = 2, from = 2;
    uint8_t qos;
    bool bad;

    if (!s || ag_buf_append(&body, p->body.p, p->body.len < 2 ? p->body.len : 2) < 0) {
        free(s);
        onsim_relay_drop(r);
        return;
    }
    s->mid = mqtt_wire_mid(p->body);
    while (mqtt_wire_filter(p->body, &at, true, &filter, &qos, &bad)) {
        if (s->n == FILTERS_MAX) {
            free(s);
            violate(r, "over 100 topics in one SUBSCRIBE");
            return;
        }
        if (admit_filter(r, filter))
            ag_buf_append(&body, p->body.p + from, at - from);
        else
            s->code[s->n] = 0x80;
        from = at;
        s->n++;
    }
    if (bad || s->mid == 0) {
        free(s);
        violate(r, "malformed SUBSCRIBE");
        return;
    }
    if (body.len == 2) {
        answer_all_refused(r, s);
        free(s);
        return;
    }
    ag_list_append(&r->pending_subs, &s->link);
    if (mqtt_wire_put(&b, MQTT_SUBSCRIBE, 2, ag_buf_span(&body)) == 0)
        to_broker(r, ag_buf_span(&b));
}

static void handle_unsubscribe(struct onsim_relay *r, const struct mqtt_packet *p)
{
    struct ag_span filter;
    size_t at = 2;
    uint8_t qos;
    bool bad;

    while (mqtt_wire_filter(p->body, &at, false, &filter, &qos, &bad)) {
        struct onsim_topic *t = onsim_topic_find(&r->device->subs, filter);

        sim_note("unsubscribe", ",\"device\":\"%s\",\"topic\":\"%.*s\"", r->device->id, (int) filter.len, filter.p);
        if (t) {
            ag_list_del(&t->link);
            r->device->n_subs--;
            free(t);
        }
    }
    if (bad)
        violate(r, "malformed UNSUBSCRIBE");
    else
        to_broker(r, p->whole);
}

static void relay_from_device(struct mqtt_relay *base, const struct mqtt_packet *p)
{
    struct onsim_relay *r = own(base);

    switch (p->type) {
    case MQTT_PUBLISH:
        handle_publish(r, p);
        break;
    case MQTT_SUBSCRIBE:
        handle_subscribe(r, p);
        break;
    case MQTT_UNSUBSCRIBE:
        handle_unsubscribe(r, p);
        break;
    case MQTT_PUBREL:
        if (r->device->qos2_open && p->body.len == 2)
            r->device->qos2_open[mqtt_wire_mid(p->body) >> 3] &= (uint8_t) ~(1 << (mqtt_wire_mid(p->body) & 7));
        to_broker(r, p->whole);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
    case MQTT_PINGREQ:
        to_broker(r, p->whole);
        break;
    case MQTT_DISCONNECT:
        sim_note("disconnect", ",\"device\":\"%s\"", r->device->id);
        to_broker(r, p->whole); /* the broker closes, and so do we */
        break;
    default:
        violate(r, "a packet that only the platform sends, or a second CONNECT");
        break;
    }
}

static const char *connect_form(struct onsim_relay *r, const struct mqtt_connect *c)
{
    unsigned will_qos = c->flags >> 3 & 3;

    if (!ag_span_eq(c->name, "MQTT"))
        return "CONNECT: protocol name is not MQTT";
    if (c->flags & 1)
        return "CONNECT: reserved flag is set";
    if (!(c->flags & MQTT_FLAG_USER) || !(c->flags & MQTT_FLAG_PASSWORD))
        return "CONNECT: user and password flags must be 1";
    if (will_qos == 3 || (!(c->flags & MQTT_FLAG_WILL) && (will_qos || (c->flags & MQTT_FLAG_WILL_RETAIN))))
        return "CONNECT: wrong will flags";
    if (c->keepalive_s < r->s->min_keepalive_s)
        return "CONNECT: keep-alive below 120 s";
    return NULL;
}

/* The broker sees the same session, will and keep-alive, under the relay's own login. */
static void change_login(const struct onsim *s, struct mqtt_connect *c)
{
    c->flags &= (uint8_t) ~(MQTT_FLAG_USER | MQTT_FLAG_PASSWORD);
    if (!s->broker_user)
        return;
    c->flags |= MQTT_FLAG_USER | MQTT_FLAG_PASSWORD;
    c->user = (struct ag_span){s->broker_user, strlen(s->broker_user)};
    c->password = (struct ag_span){s->broker_password, strlen(s->broker_password)};
}

static void forget_subs(struct onsim_device *d)
{
    while (!ag_list_empty(&d->subs)) {
        struct onsim_topic *t = ag_list_first(&d->subs, struct onsim_topic, link);

        ag_list_del(&t->link);
        free(t);
    }
    d->n_subs = 0;
}

static int relay_login(struct mqtt_relay *base, struct mqtt_connect *c, const char **why_out)
{
    struct onsim_relay *r = own(base);
    uint8_t code;

    *why_out = connect_form(r, c);
    if (*why_out)
        return -1;
    code = onsim_judge_login(r->s, c, &r->device);
    if (code != 0)
        return code;
    if (c->flags & MQTT_FLAG_CLEAN)
        forget_subs(r->device);
    change_login(r->s, c);
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

void onsim_relay_init(struct onsim *s)
{
    mqtt_door_init(&s->door, &s->loop, &s->broker, &OPS, s);
    s->inject = inject;
}
