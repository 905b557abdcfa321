/* SPDX-License-Identifier: MIT */
#include "examples/sim/mqtt_relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 128, CODE_UNAVAILABLE = 3 };

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

static int write_to(struct mqtt_relay *r, uv_tcp_t *to, struct ag_span bytes)
{
    struct pending_write *w;
    uv_buf_t buf;

    if (r->closing)
        return -ENOTCONN;
    if (uv_stream_get_write_queue_size((uv_stream_t *) to) > r->door->ops->queue_max) {
        mqtt_relay_violate(r, "does not read");
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

int mqtt_relay_to_device(struct mqtt_relay *r, struct ag_span bytes)
{
    return write_to(r, &r->down, bytes);
}

int mqtt_relay_to_broker(struct mqtt_relay *r, struct ag_span bytes)
{
    return write_to(r, &r->up, bytes);
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct mqtt_relay *r = h->data;

    if (--r->n_handles > 0)
        return;
    ag_list_del(&r->link);
    ag_buf_deinit(&r->from_down);
    ag_buf_deinit(&r->from_up);
    ag_buf_deinit(&r->login);
    r->door->ops->free(r);
}

void mqtt_relay_drop(struct mqtt_relay *r)
{
    if (r->closing)
        return;
    r->closing = true;
    r->door->ops->offline(r);
    uv_close((uv_handle_t *) &r->down, on_handle_closed);
    uv_close((uv_handle_t *) &r->up, on_handle_closed);
}

void mqtt_relay_violate(struct mqtt_relay *r, const char *why)
{
    r->door->ops->refused(r, why);
    mqtt_relay_drop(r);
}

/* What is written goes out before the end. */
static void on_farewell_sent(uv_shutdown_t *req, int status)
{
    struct mqtt_relay *r = req->data;

    (void) status;
    free(req);
    mqtt_relay_drop(r);
}

static void refuse_login(struct mqtt_relay *r, uint8_t code)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    uv_shutdown_t *req = calloc(1, sizeof *req);

    r->state = MQTT_RELAY_REFUSED;
    r->door->ops->login_refused(r, code);
    if (req && mqtt_wire_put_connack(&b, false, code) == 0 && mqtt_relay_to_device(r, ag_buf_span(&b)) == 0) {
        req->data = r;
        uv_read_stop((uv_stream_t *) &r->down);
        if (uv_shutdown(req, (uv_stream_t *) &r->down, on_farewell_sent) == 0)
            return;
    }
    free(req);
    mqtt_relay_drop(r);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct mqtt_relay *r = h->data;
    struct ag_buf *in = h == (uv_handle_t *) &r->down ? &r->from_down : &r->from_up;

    if (ag_buf_reserve(in, suggested) < 0)
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init(in->data + in->len, (unsigned) (in->cap - in->len));
}

static void on_read(struct mqtt_relay *r, struct ag_buf *in, ssize_t n,
                    void (*handle)(struct mqtt_relay *, const struct mqtt_packet *))
{
    struct mqtt_packet p;
    const char *why;
    int more;

    if (n < 0) {
        mqtt_relay_drop(r);
        return;
    }
    in->len += (size_t) n;
    while (!r->closing && r->state != MQTT_RELAY_REFUSED &&
           (more = mqtt_wire_next(ag_buf_span(in), r->door->ops->packet_max, &p, &why)) != 0) {
        if (more < 0) {
            mqtt_relay_violate(r, why);
            return;
        }
        handle(r, &p);
        ag_buf_consume(in, p.whole.len);
    }
}

/* ---- from the broker ---- */

static void handle_up(struct mqtt_relay *r, const struct mqtt_packet *p)
{
    if (r->state == MQTT_RELAY_OPEN) {
        r->door->ops->from_broker(r, p);
    } else if (p->type != MQTT_CONNACK || p->body.len != 2 || p->body.p[1] != 0) {
        refuse_login(r, CODE_UNAVAILABLE);
    } else {
        r->state = MQTT_RELAY_OPEN;
        r->door->ops->online(r, p);
    }
}

static void on_up_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct mqtt_relay *r = st->data;

    (void) buf;
    on_read(r, &r->from_up, n, handle_up);
}

static void on_up_connected(uv_connect_t *req, int status)
{
    struct mqtt_relay *r = req->data;

    if (r->closing)
        return;
    if (status < 0) {
        refuse_login(r, CODE_UNAVAILABLE);
        return;
    }
    r->state = MQTT_RELAY_WAIT_CONNACK;
    uv_tcp_nodelay(&r->up, 1);
    mqtt_relay_to_broker(r, ag_buf_span(&r->login));
    uv_read_start((uv_stream_t *) &r->up, on_alloc, on_up_read);
}

/* ---- from the device ---- */

static void handle_login(struct mqtt_relay *r, const struct mqtt_packet *p)
{
    struct mqtt_connect c;
    const char *why = p->type == MQTT_CONNECT ? mqtt_wire_connect(p->body, &c) : "a packet before CONNECT";
    int code = why ? -1 : r->door->ops->login(r, &c, &why);

    if (code < 0) {
        mqtt_relay_violate(r, why);
        return;
    }
    if (code > 0 || mqtt_wire_put_connect(&r->login, &c) < 0) {
        refuse_login(r, code ? (uint8_t) code : CODE_UNAVAILABLE);
        return;
    }
    r->state = MQTT_RELAY_WAIT_BROKER;
    r->connect.data = r;
    if (uv_tcp_connect(&r->connect, &r->up, (const struct sockaddr *) r->door->broker, on_up_connected) < 0)
        refuse_login(r, CODE_UNAVAILABLE);
}

static void handle_down(struct mqtt_relay *r, const struct mqtt_packet *p)
{
    if (r->state == MQTT_RELAY_WAIT_CONNECT)
        handle_login(r, p);
    else if (r->state == MQTT_RELAY_OPEN)
        r->door->ops->from_device(r, p);
    else
        mqtt_relay_violate(r, "a packet before CONNACK");
}

static void on_down_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct mqtt_relay *r = st->data;

    (void) buf;
    on_read(r, &r->from_down, n, handle_down);
}

/* ---- the door ---- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct mqtt_door *door = listener->data;
    struct mqtt_relay *r;

    if (status < 0 || !(r = door->ops->create(door)))
        return;
    r->door = door;
    ag_list_append(&door->relays, &r->link);
    uv_tcp_init(door->loop, &r->down);
    uv_tcp_init(door->loop, &r->up);
    r->down.data = r->up.data = r;
    r->n_handles = 2;
    if (uv_accept(listener, (uv_stream_t *) &r->down) < 0) {
        mqtt_relay_drop(r);
        return;
    }
    uv_tcp_nodelay(&r->down, 1);
    uv_read_start((uv_stream_t *) &r->down, on_alloc, on_down_read);
}

void mqtt_door_init(struct mqtt_door *door, uv_loop_t *loop, const struct sockaddr_in *broker, const struct mqtt_relay_ops *ops,
                    void *user)
{
    door->loop = loop;
    door->broker = broker;
    door->ops = ops;
    door->user = user;
    ag_list_init(&door->relays);
    uv_tcp_init(loop, &door->listener);
    door->listener.data = door;
}

int mqtt_door_listen(struct mqtt_door *door, const struct sockaddr *addr)
{
    int r = uv_tcp_bind(&door->listener, addr, 0);

    return r == 0 ? uv_listen((uv_stream_t *) &door->listener, BACKLOG, on_connection) : r;
}

void mqtt_door_close(struct mqtt_door *door)
{
    ag_list_for_each (it, &door->relays)
        mqtt_relay_drop(ag_list_entry(it, struct mqtt_relay, link));
    uv_close((uv_handle_t *) &door->listener, NULL);
}
