/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <mosquitto.h>
#include <uv.h>

enum { TRY_MS = 500, KEEPALIVE_S = 10, TOPICS = 2 };

uint64_t fleet_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

static void on_connect(struct mosquitto *m, void *user, int rc)
{
    struct fleet_service *s = user;

    s->connected = rc == 0;
    s->n_granted = 0;
    if (rc != 0)
        return;
    mosquitto_subscribe(m, NULL, "miio/+/report", 1);
    mosquitto_subscribe(m, NULL, "miio/+/command_ack", 1);
}

static void on_subscribe(struct mosquitto *m, void *user, int mid, int n, const int *granted)
{
    struct fleet_service *s = user;

    (void) m;
    (void) mid;
    s->n_granted += n == 1 && granted[0] < 128;
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    struct fleet_service *s = user;

    (void) m;
    fleet_ledger_heard(s->ledger, fleet_now_ms(), msg->topic, (struct ag_span){msg->payload, (size_t) msg->payloadlen});
}

int fleet_service_init(struct fleet_service *s, const struct fleet_options *o, struct fleet_ledger *l)
{
    char id[48];

    *s = (struct fleet_service){.options = o, .ledger = l};
    snprintf(id, sizeof id, "fleet-owner-%ld", (long) getpid());
    mosquitto_lib_init();
    s->mosq = mosquitto_new(id, false, s);
    if (!s->mosq) {
        mosquitto_lib_cleanup();
        return -ENOMEM;
    }
    mosquitto_max_inflight_messages_set(s->mosq, 1000);
    mosquitto_int_option(s->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(s->mosq, on_connect);
    mosquitto_subscribe_callback_set(s->mosq, on_subscribe);
    mosquitto_message_callback_set(s->mosq, on_message);
    return 0;
}

void fleet_service_deinit(struct fleet_service *s)
{
    if (!s->mosq)
        return;
    if (s->connected) {
        mosquitto_unsubscribe(s->mosq, NULL, "miio/+/report");
        mosquitto_unsubscribe(s->mosq, NULL, "miio/+/command_ack");
        for (int i = 0; i < 20 && mosquitto_loop(s->mosq, 50, 1) == MOSQ_ERR_SUCCESS; i++)
            ;
        mosquitto_disconnect(s->mosq);
    }
    mosquitto_destroy(s->mosq);
    mosquitto_lib_cleanup();
    s->mosq = NULL;
}

bool fleet_service_is_ready(const struct fleet_service *s)
{
    return s->connected && s->n_granted == TOPICS;
}

int fleet_service_fd(const struct fleet_service *s, short *events)
{
    *events = (short) (POLLIN | (mosquitto_want_write(s->mosq) ? POLLOUT : 0));
    return mosquitto_socket(s->mosq);
}

static void log_in(struct fleet_service *s)
{
    const struct sim_endpoint *e = &s->options->servers[s->server];

    if (fleet_now_ms() < s->next_try_ms)
        return;
    s->next_try_ms = fleet_now_ms() + TRY_MS;
    if (mosquitto_connect(s->mosq, e->host, e->port, KEEPALIVE_S) != MOSQ_ERR_SUCCESS)
        s->server = (s->server + 1) % s->options->n_servers;
}

void fleet_service_turn(struct fleet_service *s, short revents)
{
    int rc = MOSQ_ERR_SUCCESS;

    if (mosquitto_socket(s->mosq) < 0) {
        log_in(s);
        return;
    }
    if (revents & (POLLIN | POLLHUP | POLLERR))
        rc = mosquitto_loop_read(s->mosq, 100);
    if (rc == MOSQ_ERR_SUCCESS && (revents & POLLOUT))
        rc = mosquitto_loop_write(s->mosq, 100);
    if (rc == MOSQ_ERR_SUCCESS)
        rc = mosquitto_loop_misc(s->mosq);
    if (rc == MOSQ_ERR_SUCCESS)
        return;
    s->n_losses += s->connected;
    s->connected = false;
    s->server = (s->server + 1) % s->options->n_servers;
}

void fleet_service_say(struct fleet_service *s, unsigned device, unsigned id)
{
    char topic[48], text[80];
    int len = snprintf(text, sizeof text, "{\"id\":%u,\"method\":\"fleet.ask\",\"params\":[%u]}", id, id);

    snprintf(topic, sizeof topic, "miio/%u/command", FLEET_FIRST_DID + device);
    mosquitto_publish(s->mosq, NULL, topic, len, text, 1, false);
}
