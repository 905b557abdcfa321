/* Connections of the Gizwits stand-in: one device side and one broker side each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/gizwits_sim.h"

enum { PACKET_MAX = 1 << 20, QUEUE_MAX = 16 << 20, BACKLOG = 64, KEEPALIVE_MAX_S = 600 };
enum { CODE_PROTOCOL = 1, CODE_CLIENT_ID, CODE_UNAVAILABLE, CODE_LOGIN, CODE_NOT_ALLOWED };

enum relay_state { WAIT_CONNECT, WAIT_BROKER, WAIT_CONNACK, OPEN };

struct gzsim_relay {
    struct ag_list link;
    struct gzsim *s;
    struct gzsim_device *device; /* from WAIT_BROKER on */
    uv_tcp_t down, up;           /* to the device; to the broker */
    uv_connect_t connect;
    struct ag_buf from_down, from_up, login;
    enum relay_state state;
    unsigned n_handles;
    bool closing;
};

struct pending_write {
    uv_write_t req;
    char data[];
};

static const char *relay_name(const struct gzsim_relay *r)
{
    return r->device ? r->device->did : "?";
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status)
{
    (void) status;
    free(req);
}

static void write_to(struct gzsim_relay *r, uv_tcp_t *to, struct ag_span bytes)
{
    struct pending_write *w;
    uv_buf_t buf;

    if (r->closing)
        return;
    if (uv_stream_get_write_queue_size((uv_stream_t *) to) > QUEUE_MAX) {
        gzsim_refuse(r->s, relay_name(r), "does not read");
        gzsim_relay_drop(r);
        return;
    }
    w = malloc(sizeof *w + bytes.len);
    if (!w)
        return;
    memcpy(w->data, bytes.p, bytes.len);
    buf = uv_buf_init(w->data, (unsigned) bytes.len);
    if (uv_write(&w->req, (uv_stream_t *) to, &buf, 1, on_written) < 0)
        free(w);
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct gzsim_relay *r = h->data;

    if (--r->n_handles > 0)
        return;
    ag_list_del(&r->link);
    ag_buf_deinit(&r->from_down);
    ag_buf_deinit(&r->from_up);
    ag_buf_deinit(&r->login);
    free(r);
}

void gzsim_relay_drop(struct gzsim_relay *r)
{
    if (r->closing)
        return;
    r->closing = true;
    if (r->device && r->device->relay == r) {
        r->device->relay = NULL;
        gzsim_note("offline", ",\"did\":\"%s\"", r->device->did);
    }
    uv_close((uv_handle_t *) &r->down, on_handle_closed);
    uv_close((uv_handle_t *) &r->up, on_handle_closed);
}

void gzsim_relay_drop_all(struct gzsim *s)
{
    ag_list_for_each (it, &s->relays)
        gzsim_relay_drop(ag_list_entry(it, struct gzsim_relay, link));
}

static void violate(struct gzsim_relay *r, const char *why)
{
    gzsim_refuse(r->s, relay_name(r), why);
    gzsim_relay_drop(r);
}

static void on_farewell_sent(uv_shutdown_t *req, int status)
{
    struct gzsim_relay *r = req->data;

    (void) status;
    free(req);
    gzsim_relay_drop(r);
}

static void refuse_login(struct gzsim_relay *r, uint8_t code)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uv_shutdown_t *req = calloc(1, sizeof *req);

    gzsim_note("login_refused", ",\"code\":%u", code);
    if (req && mqtt_wire_put_connack(&b, false, code) == 0) {
        write_to(r, &r->down, ag_buf_span(&b));
        req->data = r;
        uv_read_stop((uv_stream_t *) &r->down);
        if (uv_shutdown(req, (uv_stream_t *) &r->down, on_farewell_sent) == 0)
            return;
    }
    free(req);
    gzsim_relay_drop(r);
}

/* ---- from the broker ---- */

static void handle_connack(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    struct gzsim_device *d = r->device;

    if (p->type != MQTT_CONNACK || p->body.len != 2 || p->body.p[1] != 0) {
        refuse_login(r, CODE_UNAVAILABLE);
        return;
    }
    if (d->relay)
        gzsim_relay_drop(d->relay); /* the newer session of a DID wins */
    d->relay = r;
    r->s->current = d;
    r->s->n_logins++;
    r->state = OPEN;
    gzsim_note("login", ",\"did\":\"%s\"", d->did);
    write_to(r, &r->down, p->whole);
}

static void handle_up(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    if (r->state == WAIT_CONNACK)
        handle_connack(r, p);
    else
        write_to(r, &r->down, p->whole);
}

/* ---- from the device ---- */

static bool is_device_command(uint16_t cmd, bool to_app)
{
    if (!to_app)
        return cmd == GIZWITS_ASK_APPS;
    return cmd == GIZWITS_TO_APP || cmd == GIZWITS_ACKED || cmd == GIZWITS_ACK ||
           cmd == GIZWITS_SET_LOG_ACK || cmd == GIZWITS_LOG;
}

/* NULL, or what forbids the publish. */
static const char *judge_publish(struct gzsim_relay *r, const struct mqtt_publish *p)
{
    char own[GIZWITS_TOPIC_MAX];
    size_t n = strlen(gizwits_topic_to_app(r->device->did, "", own));
    bool request = ag_span_eq(p->topic, "cli2ser_req") || ag_span_eq(p->topic, "ser2cli_req");
    bool to_all = ag_span_is(p->topic, own, n);
    bool to_one = p->topic.len > n + 1 && memcmp(p->topic.p, own, n) == 0 && p->topic.p[n] == '/';
    struct gizwits_frame f;
    int e;

    if (p->qos != 0 || p->retain)
        return "PUBLISH with QoS or retain";
    if (!request && !to_all && !to_one)
        return "PUBLISH to a topic of nobody or of somebody else";
    if (to_one && !gizwits_app_ok((struct ag_span){p->topic.p + n + 1, p->topic.len - n - 1}))
        return "PUBLISH to no App";
    e = gizwits_frame_parse(request ? GIZWITS_FORM_B : GIZWITS_FORM_A, p->payload, &f);
    if (e != 0)
        return gizwits_frame_error(e);
    if (!is_device_command(f.cmd, !request))
        return "a command that devices do not send there";
    if ((f.cmd == GIZWITS_SET_LOG_ACK || f.cmd == GIZWITS_ACK) && !to_one)
        return "an acknowledgement to nobody";
    if (f.cmd == GIZWITS_LOG && !to_all)
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
        violate(r, why);
        return;
    }
    r->s->n_frames++;
    write_to(r, &r->up, packet->whole);
}

static bool filter_allowed(const struct gzsim_relay *r, struct ag_span filter)
{
    char own[GIZWITS_TOPIC_MAX];

    for (unsigned i = 0; i < GIZWITS_N_FILTERS; i++) {
        gizwits_topic_filter(i, r->device->did, r->s->product_key, own);
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
            violate(r, "SUBSCRIBE to a topic that is not the device's");
            return;
        }
        gzsim_note("subscribe", ",\"topic\":\"%.*s\",\"qos\":%u", (int) filter.len, filter.p, qos);
    }
    if (bad)
        violate(r, "malformed SUBSCRIBE");
    else
        write_to(r, &r->up, p->whole);
}

static void handle_ping(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    r->s->n_pings++;
    gzsim_note("ping", ",\"did\":\"%s\"", r->device->did);
    if (!gzsim_device_ping(r->device, uv_now(&r->s->loop))) {
        violate(r, "more than 60 PINGREQ in 180 s");
        return;
    }
    if (!r->s->swallow)
        write_to(r, &r->up, p->whole);
}

static void handle_open(struct gzsim_relay *r, const struct mqtt_packet *p)
{
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
        write_to(r, &r->up, p->whole);
        break;
    case MQTT_DISCONNECT:
        gzsim_note("disconnect", ",\"did\":\"%s\"", r->device->did);
        write_to(r, &r->up, p->whole); /* the broker closes, and so do we */
        break;
    default:
        violate(r, "a packet that a device does not send");
        break;
    }
}

/* The CONNACK code, 0 when all is as the document wants it. */
static uint8_t judge_login(struct gzsim_relay *r, const struct mqtt_connect *c)
{
    struct gzsim_device *d;

    if (!ag_span_eq(c->name, "MQIsdp") || c->level != 3)
        return CODE_PROTOCOL;
    if (r->s->refuse)
        return CODE_UNAVAILABLE;
    d = gzsim_device_find(r->s, c->client_id);
    if (!d)
        return CODE_CLIENT_ID;
    if (!ag_span_is(c->user, d->did, GZSIM_DID_LEN) ||
        !ag_span_is(c->password, d->passcode, strlen(d->passcode)))
        return CODE_LOGIN;
    if (!(c->flags & MQTT_FLAG_CLEAN) || (c->flags & MQTT_FLAG_WILL) || c->keepalive_s == 0 ||
        c->keepalive_s > KEEPALIVE_MAX_S)
        return CODE_NOT_ALLOWED;
    r->device = d;
    return 0;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct gzsim_relay *r = h->data;
    struct ag_buf *in = h == (uv_handle_t *) &r->down ? &r->from_down : &r->from_up;

    if (ag_buf_reserve(in, suggested) < 0)
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init(in->data + in->len, (unsigned) (in->cap - in->len));
}

static void drain(struct gzsim_relay *r, struct ag_buf *in,
                  void (*handle)(struct gzsim_relay *, const struct mqtt_packet *))
{
    struct mqtt_packet p;
    const char *why;
    int n;

    while (!r->closing && (n = mqtt_wire_next(ag_buf_span(in), PACKET_MAX, &p, &why)) != 0) {
        if (n < 0) {
            violate(r, why);
            return;
        }
        handle(r, &p);
        ag_buf_consume(in, p.whole.len);
    }
}

static void on_up_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct gzsim_relay *r = st->data;

    (void) buf;
    if (n < 0) {
        gzsim_relay_drop(r);
        return;
    }
    r->from_up.len += (size_t) n;
    drain(r, &r->from_up, handle_up);
}

static void on_up_connected(uv_connect_t *req, int status)
{
    struct gzsim_relay *r = req->data;

    if (r->closing)
        return;
    if (status < 0) {
        refuse_login(r, CODE_UNAVAILABLE);
        return;
    }
    r->state = WAIT_CONNACK;
    uv_tcp_nodelay(&r->up, 1);
    write_to(r, &r->up, ag_buf_span(&r->login));
    uv_read_start((uv_stream_t *) &r->up, on_alloc, on_up_read);
}

static void handle_login(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    struct mqtt_connect c;
    const char *why = p->type == MQTT_CONNECT ? mqtt_wire_connect(p->body, &c) : "a packet before CONNECT";
    uint8_t code;

    if (why) {
        violate(r, why);
        return;
    }
    code = judge_login(r, &c);
    c.flags &= (uint8_t) ~(MQTT_FLAG_USER | MQTT_FLAG_PASSWORD); /* the broker behind asks for none */
    if (code != 0 || mqtt_wire_put_connect(&r->login, &c) < 0) {
        refuse_login(r, code ? code : CODE_UNAVAILABLE);
        return;
    }
    r->state = WAIT_BROKER;
    r->connect.data = r;
    uv_tcp_connect(&r->connect, &r->up, (const struct sockaddr *) &r->s->broker, on_up_connected);
}

static void handle_down(struct gzsim_relay *r, const struct mqtt_packet *p)
{
    if (r->state == WAIT_CONNECT)
        handle_login(r, p);
    else if (r->state == OPEN)
        handle_open(r, p);
    else
        violate(r, "a packet before CONNACK");
}

static void on_down_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct gzsim_relay *r = st->data;

    (void) buf;
    if (n < 0) {
        gzsim_relay_drop(r);
        return;
    }
    r->from_down.len += (size_t) n;
    drain(r, &r->from_down, handle_down);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct gzsim *s = listener->data;
    struct gzsim_relay *r;

    if (status < 0 || s->stopping || !(r = calloc(1, sizeof *r)))
        return;
    r->s = s;
    ag_list_append(&s->relays, &r->link);
    uv_tcp_init(&s->loop, &r->down);
    uv_tcp_init(&s->loop, &r->up);
    r->down.data = r->up.data = r;
    r->n_handles = 2;
    if (uv_accept(listener, (uv_stream_t *) &r->down) < 0) {
        gzsim_relay_drop(r);
        return;
    }
    uv_tcp_nodelay(&r->down, 1);
    uv_read_start((uv_stream_t *) &r->down, on_alloc, on_down_read);
}

int gzsim_relay_listen(struct gzsim *s, const struct sockaddr *addr)
{
    int r = uv_tcp_bind(&s->listener, addr, 0);

    s->listener.data = s;
    return r == 0 ? uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection) : r;
}
