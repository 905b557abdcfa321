/* SPDX-License-Identifier: MIT */
/*
 * The client: its parts, started, wired to each other and ended. Each part knows its own struct and a host; only client.c and
 * client_hosts.c know them all. One per process in miio_client; nothing here is global, so tests may open several in one loop.
 *
 * Open, then run the loop; client_close() answers what is open, closes every handle and tells on_closed, after which the
 * struct may go.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <uv.h>
#include "client/cloud/cloud_links.h"
#include "client/device/device.h"
#include "client/device/io/data_dir.h"
#include "client/device/io/net_info.h"
#include "client/lan/ble_port.h"
#include "client/lan/phones.h"
#include "client/local/intake.h"
#include "client/local/local_peers.h"
#include "client/local/serve.h"
#include "client/report/reports.h"
#include "client/setup/setup.h"
#include "client/status/status.h"

struct client_options {
    struct data_dir dir;
    const char *cloud;       /* of cloud_list_parse(), for the call of client_open() only */
    struct ag_addr local;    /* 127.0.0.1:54322 */
    struct ag_addr lan;      /* 0.0.0.0:54321 or AG_ADDR_NONE */
    struct ag_addr ble;      /* 127.0.0.1:54323 or AG_ADDR_NONE */
    const char *os_release;  /* NULL: /etc/os-release */
    const char *country;     /* -C; NULL: what the phone brought */
    const char *access_file; /* rules; NULL: none */
    bool has_agent_user;
    uint32_t agent_uid;       /* when has_agent_user */
    struct endpoint mqtt_api; /* broker of the MQTT API; port 0: none */
    bool external_helper;
    bool wired;        /* no provisioning: the network is there without wifi.conf */
    const char *hooks; /* directory of the builtin helper's programs; NULL: the data directory, then share/miio */
    unsigned command_timeout_ms, command_grace_ms;
    unsigned request_timeout_ms;
    unsigned lan_stamp_window_s;
    size_t memory_limit; /* bytes, of all that peers make the client keep; 0: 16 MiB */
    unsigned join_tries, join_pause_ms;
    unsigned identity_pause_ms; /* 0: as the vendor's text has it */
    bool tells_origin;          /* commands bring "_origin": local/core/tell_origin.h */
};

struct client {
    uv_loop_t *loop;
    struct client_options options;
    struct device device; /* what it knows of itself */
    struct net_info *net; /* NULL: none, asked again each time */
    struct intake intake;
    struct serve serve;
    struct local_peers peers;
    struct phones phones;
    struct ble_port ble;
    struct reports reports;
    struct cloud_links clouds;
    struct setup setup;
    struct status_parts parts; /* for status.h */

    uv_prepare_t prepare; /* where all deadlines are looked at */
    uv_timer_t timer;     /* the earliest of them */
    uint64_t timer_at;
    unsigned n_open; /* parts whose closed() has not come */
    bool closing;
    void (*on_closed)(void *user);
    void *user;
};

/* Opens the sockets and goes through the boot order. 0 or -errno with one line in error; then call client_close(). */
int client_open(struct client *c, uv_loop_t *loop, const struct client_options *options, struct device_conf *conf,
                char error[DATA_ERROR_MAX]);
void client_close(struct client *c, void (*on_closed)(void *user), void *user);
/* After on_closed. */
void client_deinit(struct client *c);

/* SIGHUP: deadlines and limits of the new options, the files of the data directory, the cloud's certificates. What the
   sockets and the cloud were opened with stays. */
void client_reload(struct client *c, const struct client_options *fresh);

#endif
