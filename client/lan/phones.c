/* SPDX-License-Identifier: MIT */
#include "client/lan/phones.h"

#include "client/device/device.h"
#include "client/lan/lan_trace.h"
#include "libagent/core/log/log.h"

static void on_lan_send(void *user, const struct lan_addr *to, struct ag_span datagram)
{
    struct phones *p = user;

    if (p->socket)
        lan_socket_send(p->socket, to, datagram);
}

static void on_lan_command(void *user, uint64_t handle, struct ag_span text, const struct ag_json_view *view, bool wants_answer)
{
    struct phones *p = user;

    p->host->command(p->user, handle, text, view, wants_answer);
}

static const struct lan_sink lan_sink = {on_lan_send, on_lan_command};

static void on_lan_datagram(void *user, const struct lan_addr *from, struct ag_span datagram)
{
    struct phones *p = user;

    if (ag_log_enabled(AG_LOG_DEBUG)) {
        struct lan_stats before = p->lan.stats;

        lan_receive(&p->lan, from, datagram, uv_now(p->loop), device_unix_time());
        lan_trace(from, &before, &p->lan.stats);
    } else {
        lan_receive(&p->lan, from, datagram, uv_now(p->loop), device_unix_time());
    }
}

static void on_lan_closed(void *user)
{
    struct phones *p = user;

    p->socket = NULL;
    p->host->closed(p->user);
}

static const struct lan_socket_events lan_events = {on_lan_datagram, on_lan_closed};

void phones_answer(struct phones *p, uint64_t token, struct ag_span text, const struct ag_json_view *view)
{
    lan_answer(&p->lan, token, text, view, uv_now(p->loop), device_unix_time());
}

void phones_answer_own(struct phones *p, uint64_t token, struct ag_span text)
{
    lan_answer_as_it_is(&p->lan, token, text, uv_now(p->loop), device_unix_time());
}

void phones_init(struct phones *p, uv_loop_t *loop, uint64_t did, unsigned stamp_window_s, const struct phones_host *host,
                 void *user)
{
    *p = (struct phones){.loop = loop, .host = host, .user = user};
    lan_init(&p->lan, &lan_sink, p, did);
    p->lan.stamp_window_s = stamp_window_s;
    lan_start(&p->lan, uv_now(loop));
}

int phones_open(struct phones *p, const struct ag_addr *at)
{
    return at->kind == AG_ADDR_INET ? lan_socket_open(&p->socket, p->loop, at, &lan_events, p, &p->bound) : 0;
}

void phones_close(struct phones *p)
{
    lan_socket_close(p->socket);
}

void phones_deinit(struct phones *p)
{
    lan_deinit(&p->lan);
}
