/* SPDX-License-Identifier: MIT */
/* Phones: the LAN session's socket, and the Bluetooth helper's. */
#include "client/client.h"

#include "client/trace.h"
#include "libagent/core/codes.h"
#include "libagent/core/log/log.h"

static void on_lan_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct client *c = user;

    if (c->lan_socket)
        lan_socket_send(c->lan_socket, to, datagram);
}

static void on_lan_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    client_command(user, (struct origin){.kind = ORIGIN_LAN, .token = handle}, text, view, wants_answer);
}

static const struct lan_sink lan_sink = {on_lan_send, on_lan_command};

static void on_lan_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct client *c = user;

    if (ag_log_enabled(AG_LOG_DEBUG)) {
        struct lan_stats before = c->lan.stats;

        lan_receive(&c->lan, from, datagram, uv_now(c->loop), device_unix_time());
        client_trace_lan(from, &before, &c->lan.stats);
    } else {
        lan_receive(&c->lan, from, datagram, uv_now(c->loop), device_unix_time());
    }
}

static void on_lan_closed(void *user)
{
    struct client *c = user;

    c->lan_socket = NULL;
    client_part_closed(c);
}

static const struct lan_socket_events lan_events = {on_lan_datagram, on_lan_closed};

/* Bluetooth provisioning: the helper that speaks Bluetooth sends the phone's JSON in one datagram, from loopback. */
static void on_ble_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct client *c = user;
    struct ag_json_view view;
    unsigned tag;

    c->ble_asker = *from;
    if (ag_json_parse(&datagram, 16, &view) != 0 || command_check_form(&view)) {
        c->stats.bad_form++;
        client_answer(c, (struct origin){.kind = ORIGIN_BLE, .token = 0},
                      AG_SPAN("{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"not a JSON command\"}}"));
        return;
    }
    if (!client_refuse_access(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view) &&
        !client_serve(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view, &tag))
        client_refuse(c, (struct origin){.kind = ORIGIN_BLE, .token = 0}, datagram, &view, AG_CODE_NOT_FOUND,
                      "Method not found.");
}

static void on_ble_closed(void *user)
{
    struct client *c = user;

    c->ble_socket = NULL;
    client_part_closed(c);
}

static const struct lan_socket_events ble_events = {on_ble_datagram, on_ble_closed};

void client_init_lan(struct client *c)
{
    lan_init(&c->lan, &lan_sink, c, c->device.conf->did);
    c->lan.stamp_window_s = c->options.lan_stamp_window_s;
    lan_start(&c->lan, uv_now(c->loop));
}

int client_open_lan(struct client *c, char error[DATA_ERROR_MAX])
{
    const struct client_options *o = &c->options;
    int r = 0;

    if (o->lan.kind == AG_ADDR_INET)
        r = lan_socket_open(&c->lan_socket, c->loop, &o->lan, &lan_events, c, &c->lan_bound);
    c->n_open += c->lan_socket != NULL;
    if (r < 0)
        return client_open_failed(error, "LAN socket", &o->lan, r);
    if (o->ble.kind == AG_ADDR_INET)
        r = lan_socket_open(&c->ble_socket, c->loop, &o->ble, &ble_events, c, &c->ble_bound);
    c->n_open += c->ble_socket != NULL;
    return r < 0 ? client_open_failed(error, "Bluetooth helper's socket", &o->ble, r) : 0;
}
