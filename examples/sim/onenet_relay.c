/* Connections of the OneNET stand-in: one device side and one broker side each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/onenet_sim.h"

enum { PACKET_MAX = 4 << 20, QUEUE_MAX = 64 << 20, SUBS_PENDING_MAX = 64, FILTERS_MAX = 100, BACKLOG = 128 };
enum { CODE_UNAVAILABLE = 3 };

/* A SUBSCRIBE whose bad filters were left out: its SUBACK gets their 0x80 back. */
struct pending_sub {
    struct ag_list link;
    uint16_t mid;
    unsigned n;
    uint8_t code[FILTERS_MAX];
};

enum relay_state { WAIT_CONNECT, WAIT_BROKER, WAIT_CONNACK, OPEN };

struct onsim_relay {
    struct ag_list link;
    struct onsim *s;
    struct onsim_device *device; /* from WAIT_BROKER on */
    uv_tcp_t down, up; /* to the device; to the broker */
    uv_connect_t connect;
    struct ag_buf from_down, from_up, login;
    enum relay_state state;
    struct ag_list pending_subs;
    unsigned n_handles;
    bool closing, up_open;
};

static const char *relay_name(const struct onsim_relay *r)
{
    return r->device ? r->device->id : "?";
}

/* ---- writing ---- */

struct pending_write {
    uv_write_t req;
    char data[];
};

static void on_written(uv_write_t *req, int status)
{
    (void) status;
    free(req);
}

static int write_to(struct onsim_relay *r, uv_tcp_t *to, struct ag_span bytes)
{
    struct pending_write *w;
    uv_buf_t buf;

    if (r->closing)
        return -ENOTCONN;
    if (uv_stream_get_write_queue_size((uv_stream_t *) to) > QUEUE_MAX) {
        onsim_refuse(r->s, relay_name(r), "does not read");
        onsim_relay_drop(r);
        return -ENOTCONN;
    }
    w = malloc(sizeof *w + bytes.len);
    if (!w)
        return -ENOMEM;
    memcpy(w->data, bytes.p, bytes.len);
    buf = uv_buf_init(w->data, (unsigned) bytes.len);
    if (uv_write(&w->req, (uv_stream_t *) to, &buf, 1, on_written) < 0)
        free(w);
    return 0;
}

int onsim_relay_raw(struct onsim_relay *r, struct ag_span bytes)
{
    return write_to(r, &r->down, bytes);
}

int onsim_relay_inject(struct onsim_relay *r, struct ag_span topic, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;

    if (!r || r->state != OPEN)
        return -ENOTCONN;
    if (mqtt_wire_put_publish(&b, topic, payload) < 0)
        return -ENOMEM;
    return write_to(r, &r->down, ag_buf_span(&b));
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct onsim_relay *r = h->data;

    if (--r->n_handles > 0)
        return;
    ag_list_del(&r->link);
    while (!ag_list_empty(&r->pending_subs)) {
        struct pending_sub *p = ag_list_first(&r->pending_subs, struct pending_sub, link);

        ag_list_del(&p->link);
        free(p);
    }
    ag_buf_deinit(&r->from_down);
    ag_buf_deinit(&r->from_up);
    ag_buf_deinit(&r->login);
    free(r);
}

void onsim_relay_drop(struct onsim_relay *r)
{
    if (r->closing)
        return;
    r->closing = true;
    if (r->device && r->device->relay == r) {
        r->device->relay = NULL;
        onsim_note(r->s, "offline", ",\"device\":\"%s\"", r->device->id);
    }
    uv_close((uv_handle_t *) &r->down, on_handle_closed);
    uv_close((uv_handle_t *) &r->up, on_handle_closed);
}

void onsim_relay_drop_all(struct onsim *s)
{
    ag_list_for_each (it, &s->relays)
        onsim_relay_drop(ag_list_entry(it, struct onsim_relay, link));
}

/* The documents forbid it: noted, and the connection ends. */
static void violate(struct onsim_relay *r, const char *why)
{
    onsim_refuse(r->s, relay_name(r), why);
    onsim_relay_drop(r);
}

/* What is written goes out before the end. */
static void on_farewell_sent(uv_shutdown_t *req, int status)
{
    struct onsim_relay *r = req->data;

    (void) status;
    free(req);
    onsim_relay_drop(r);
}

static void refuse_login(struct onsim_relay *r, uint8_t code)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uv_shutdown_t *req = calloc(1, sizeof *req);

    onsim_note(r->s, "login_refused", ",\"code\":%u", code);
    if (req && mqtt_wire_put_connack(&b, false, code) == 0 && write_to(r, &r->down, ag_buf_span(&b)) == 0) {
        req->data = r;
        uv_read_stop((uv_stream_t *) &r->down);
        if (uv_shutdown(req, (uv_stream_t *) &r->down, on_farewell_sent) == 0)
            return;
    }
    free(req);
    onsim_relay_drop(r);
}

/* ---- from the broker ---- */

static void handle_connack(struct onsim_relay *r, const struct mqtt_packet *p)
{
    struct onsim_device *d = r->device;

    if (p->type != MQTT_CONNACK || p->body.len != 2 || p->body.p[1] != 0) {
        refuse_login(r, CODE_UNAVAILABLE);
        return;
    }
    if (d->relay) {
        onsim_note(r->s, "thrown_out", ",\"device\":\"%s\"", d->id);
        onsim_relay_drop(d->relay);
    }
    d->relay = r;
    r->state = OPEN;
    r->s->n_logins++;
    onsim_note(r->s, "login", ",\"device\":\"%s\",\"session_present\":%s", d->id,
               p->body.p[0] & 1 ? "true" : "false");
    if (!(p->body.p[0] & 1) && d->qos2_open)
        memset(d->qos2_open, 0, 8192);
    write_to(r, &r->down, p->whole);
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
            write_to(r, &r->down, ag_buf_span(&b));
        ag_list_del(&s->link);
        free(s);
        return;
    }
}

static void handle_up(struct onsim_relay *r, const struct mqtt_packet *p)
{
    if (r->state == WAIT_CONNACK)
        handle_connack(r, p);
    else if (p->type == MQTT_SUBACK)
        handle_suback(r, p);
    else
        write_to(r, &r->down, p->whole);
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
    } else if (p.topic.p[0] == '$' || memchr(p.topic.p, '+', p.topic.len) ||
               memchr(p.topic.p, '#', p.topic.len)) {
        violate(r, "PUBLISH to a reserved topic or with wildcards");
        return;
    } else {
        onsim_note(
            s, "publish", ",\"device\":\"%s\",\"topic\":\"%.*s\",\"qos\":%u,\"retain\":%s,\"bytes\":%zu",
            r->device->id, (int) p.topic.len, p.topic.p, p.qos, p.retain ? "true" : "false", p.payload.len);
    }
    write_to(r, &r->up, packet->whole);
}

/* Judges one filter of SUBSCRIBE: true when the broker may see it. */
static bool admit_filter(struct onsim_relay *r, struct ag_span filter)
{
    struct onsim_device *d = r->device;
    int e = onenet_topic_check(filter, true);

    if (e != 0) {
        onsim_refuse(r->s, d->id, onenet_topic_strerror(e));
        return false;
    }
    if (onsim_topic_find(&d->subs, filter))
        return true;
    if (d->n_subs >= ONENET_SUBSCRIPTIONS_MAX) {
        onsim_refuse(r->s, d->id, "over 100 subscriptions");
        return false;
    }
    if (onsim_topic_add(&d->subs, filter) < 0)
        return false;
    d->n_subs++;
    onsim_note(r->s, "subscribe", ",\"device\":\"%s\",\"topic\":\"%.*s\"", d->id, (int) filter.len, filter.p);
    return true;
}

static void answer_all_refused(struct onsim_relay *r, const struct pending_sub *s)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uint8_t body[2 + FILTERS_MAX] = {(uint8_t) (s->mid >> 8), (uint8_t) (s->mid & 0xff)};

    memset(body + 2, 0x80, s->n);
    if (mqtt_wire_put(&b, MQTT_SUBACK, 0, (struct ag_span){(char *) body, 2 + s->n}) == 0)
        write_to(r, &r->down, ag_buf_span(&b));
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
        write_to(r, &r->up, ag_buf_span(&b));
}

static void handle_unsubscribe(struct onsim_relay *r, const struct mqtt_packet *p)
{
    struct ag_span filter;
    size_t at = 2;
    uint8_t qos;
    bool bad;

    while (mqtt_wire_filter(p->body, &at, false, &filter, &qos, &bad)) {
        struct onsim_topic *t = onsim_topic_find(&r->device->subs, filter);

        onsim_note(r->s, "unsubscribe", ",\"device\":\"%s\",\"topic\":\"%.*s\"", r->device->id,
                   (int) filter.len, filter.p);
        if (t) {
            ag_list_del(&t->link);
            r->device->n_subs--;
            free(t);
        }
    }
    if (bad)
        violate(r, "malformed UNSUBSCRIBE");
    else
        write_to(r, &r->up, p->whole);
}

static void handle_open(struct onsim_relay *r, const struct mqtt_packet *p)
{
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
            r->device->qos2_open[mqtt_wire_mid(p->body) >> 3] &=
                (uint8_t) ~(1 << (mqtt_wire_mid(p->body) & 7));
        write_to(r, &r->up, p->whole);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
    case MQTT_PINGREQ:
        write_to(r, &r->up, p->whole);
        break;
    case MQTT_DISCONNECT:
        onsim_note(r->s, "disconnect", ",\"device\":\"%s\"", r->device->id);
        write_to(r, &r->up, p->whole); /* the broker closes, and so do we */
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

static void on_up_connected(uv_connect_t *req, int status);

/* The broker sees the same session, will and keep-alive, under the relay's own login. */
static int build_login(struct onsim_relay *r, struct mqtt_connect c)
{
    c.flags &= (uint8_t) ~(MQTT_FLAG_USER | MQTT_FLAG_PASSWORD);
    if (r->s->broker_user) {
        c.flags |= MQTT_FLAG_USER | MQTT_FLAG_PASSWORD;
        c.user = (struct ag_span){r->s->broker_user, strlen(r->s->broker_user)};
        c.password = (struct ag_span){r->s->broker_password, strlen(r->s->broker_password)};
    }
    return mqtt_wire_put_connect(&r->login, &c);
}

static void handle_login(struct onsim_relay *r, const struct mqtt_packet *p)
{
    struct mqtt_connect c;
    const char *why = p->type == MQTT_CONNECT ? mqtt_wire_connect(p->body, &c) : "a packet before CONNECT";
    uint8_t code;

    if (!why)
        why = connect_form(r, &c);
    if (why) {
        violate(r, why);
        return;
    }
    code = onsim_judge_login(r->s, &c, &r->device);
    if (code != 0 || build_login(r, c) < 0) {
        refuse_login(r, code ? code : CODE_UNAVAILABLE);
        return;
    }
    if (c.flags & MQTT_FLAG_CLEAN) {
        while (!ag_list_empty(&r->device->subs)) {
            struct onsim_topic *t = ag_list_first(&r->device->subs, struct onsim_topic, link);

            ag_list_del(&t->link);
            free(t);
        }
        r->device->n_subs = 0;
    }
    r->state = WAIT_BROKER;
    r->connect.data = r;
    uv_tcp_connect(&r->connect, &r->up, (const struct sockaddr *) &r->s->broker, on_up_connected);
}

static void handle_down(struct onsim_relay *r, const struct mqtt_packet *p)
{
    if (r->state == WAIT_CONNECT)
        handle_login(r, p);
    else if (r->state == OPEN)
        handle_open(r, p);
    else
        violate(r, "a packet before CONNACK");
}

/* ---- reading ---- */

static void drain(struct onsim_relay *r, struct ag_buf *in,
                  void (*handle)(struct onsim_relay *, const struct mqtt_packet *))
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

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct onsim_relay *r = h->data;
    struct ag_buf *in = h == (uv_handle_t *) &r->down ? &r->from_down : &r->from_up;

    if (ag_buf_reserve(in, suggested) < 0)
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init(in->data + in->len, (unsigned) (in->cap - in->len));
}

static void on_down_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct onsim_relay *r = st->data;

    (void) buf;
    if (n < 0) {
        onsim_relay_drop(r);
        return;
    }
    r->from_down.len += (size_t) n;
    drain(r, &r->from_down, handle_down);
}

static void on_up_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct onsim_relay *r = st->data;

    (void) buf;
    if (n < 0) {
        onsim_relay_drop(r);
        return;
    }
    r->from_up.len += (size_t) n;
    drain(r, &r->from_up, handle_up);
}

static void on_up_connected(uv_connect_t *req, int status)
{
    struct onsim_relay *r = req->data;

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

static void on_connection(uv_stream_t *listener, int status)
{
    struct onsim *s = listener->data;
    struct onsim_relay *r;

    if (status < 0 || s->stopping || !(r = calloc(1, sizeof *r)))
        return;
    r->s = s;
    ag_list_init(&r->pending_subs);
    ag_list_append(&s->relays, &r->link);
    uv_tcp_init(&s->loop, &r->down);
    uv_tcp_init(&s->loop, &r->up);
    r->down.data = r->up.data = r;
    r->n_handles = 2;
    if (uv_accept(listener, (uv_stream_t *) &r->down) < 0) {
        onsim_relay_drop(r);
        return;
    }
    uv_tcp_nodelay(&r->down, 1);
    uv_read_start((uv_stream_t *) &r->down, on_alloc, on_down_read);
}

int onsim_relay_listen(struct onsim *s, const struct sockaddr *addr)
{
    int r = uv_tcp_bind(&s->listener, addr, 0);

    s->listener.data = s;
    return r == 0 ? uv_listen((uv_stream_t *) &s->listener, BACKLOG, on_connection) : r;
}
