/* SPDX-License-Identifier: MIT */
#include "examples/sim/wire/mqtt_client.h"

#include <errno.h>
#include <string.h>
#include <mosquitto.h>

enum { TICK_MS = 200, KEEPALIVE_S = 60 };

static void on_socket(uv_poll_t *p, int status, int events);

static void watch(struct sim_mqtt *m)
{
    uv_poll_start(&m->poll, UV_READABLE | (mosquitto_want_write(m->mosq) ? UV_WRITABLE : 0), on_socket);
}

/* The poll handle is of one socket: the next one gets another. */
static void unwatch(struct sim_mqtt *m)
{
    if (!m->polling)
        return;
    m->polling = false;
    uv_close((uv_handle_t *) &m->poll, NULL);
}

static void on_socket(uv_poll_t *p, int status, int events)
{
    struct sim_mqtt *m = p->data;
    int r = status < 0 ? MOSQ_ERR_CONN_LOST : MOSQ_ERR_SUCCESS;

    if (r == MOSQ_ERR_SUCCESS && (events & UV_READABLE))
        r = mosquitto_loop_read(m->mosq, 64);
    if (r == MOSQ_ERR_SUCCESS && m->polling && mosquitto_want_write(m->mosq))
        r = mosquitto_loop_write(m->mosq, 1);
    if (r != MOSQ_ERR_SUCCESS)
        unwatch(m);
    else if (m->polling)
        watch(m);
}

static void on_tick(uv_timer_t *t)
{
    struct sim_mqtt *m = t->data;

    if (m->polling) {
        if (mosquitto_loop_misc(m->mosq) != MOSQ_ERR_SUCCESS)
            unwatch(m);
        else
            watch(m);
        return;
    }
    if (mosquitto_connect(m->mosq, "127.0.0.1", m->port, KEEPALIVE_S) != MOSQ_ERR_SUCCESS)
        return;
    if (uv_poll_init(m->loop, &m->poll, mosquitto_socket(m->mosq)) < 0)
        return;
    m->poll.data = m;
    m->polling = true;
    watch(m);
}

static void on_connect(struct mosquitto *mosq, void *user, int code)
{
    struct sim_mqtt *m = user;

    m->n_granted = 0;
    if (code != 0)
        return;
    for (size_t i = 0; m->filters && m->filters[i]; i++)
        mosquitto_subscribe(mosq, NULL, m->filters[i], 0);
    if ((!m->filters || !m->filters[0]) && m->ops->ready)
        m->ops->ready(m->user);
}

static void on_subscribe(struct mosquitto *mosq, void *user, int mid, int n, const int *granted)
{
    struct sim_mqtt *m = user;

    (void) mosq;
    (void) mid;
    (void) n;
    (void) granted;
    m->n_granted++;
    if (!m->filters[m->n_granted] && m->ops->ready)
        m->ops->ready(m->user);
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *msg)
{
    struct sim_mqtt *m = user;

    (void) mosq;
    if (m->ops->message)
        m->ops->message(m->user, msg->topic, (struct ag_span){msg->payload, (size_t) msg->payloadlen});
}

int sim_mqtt_open(struct sim_mqtt *m, uv_loop_t *loop, uint16_t port, const char *client_id, const char *login,
                  const char *password, const char *const *filters, const struct sim_mqtt_ops *ops, void *user)
{
    *m = (struct sim_mqtt){.loop = loop, .port = port, .filters = filters, .ops = ops, .user = user};
    mosquitto_lib_init();
    m->mosq = mosquitto_new(client_id, true, m);
    if (!m->mosq)
        return -ENOMEM;
    if (login)
        mosquitto_username_pw_set(m->mosq, login, password);
    mosquitto_max_inflight_messages_set(m->mosq, 4096);
    mosquitto_connect_callback_set(m->mosq, on_connect);
    mosquitto_subscribe_callback_set(m->mosq, on_subscribe);
    mosquitto_message_callback_set(m->mosq, on_message);
    uv_timer_init(loop, &m->tick);
    m->tick.data = m;
    m->opened = true;
    uv_timer_start(&m->tick, on_tick, 0, TICK_MS);
    return 0;
}

int sim_mqtt_publish(struct sim_mqtt *m, const char *topic, struct ag_span payload, int qos)
{
    int r = m->opened ? mosquitto_publish(m->mosq, NULL, topic, (int) payload.len, payload.p, qos, false) : MOSQ_ERR_NO_CONN;

    if (r == MOSQ_ERR_SUCCESS && m->polling)
        watch(m);
    return r == MOSQ_ERR_SUCCESS ? 0 : r == MOSQ_ERR_NO_CONN ? -ENOTCONN : -EINVAL;
}

void sim_mqtt_close(struct sim_mqtt *m)
{
    if (!m->opened)
        return;
    m->opened = false;
    uv_close((uv_handle_t *) &m->tick, NULL);
    unwatch(m);
    mosquitto_disconnect(m->mosq);
    mosquitto_destroy(m->mosq);
    m->mosq = NULL;
}
