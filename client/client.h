/* SPDX-License-Identifier: MIT */
/*
 * The client: its parts, started, wired to each other and ended. Each part knows its own struct and a host; only client.c and
 * client_hosts.c know them all. One per process in miio_client; nothing here is global, so tests may open several in one loop.
 *
 * Open, then run the loop; client_close() answers what is open, closes every handle and calls on_closed, after which the
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
#include "client/options/client_options.h"
#include "client/report/reports.h"
#include "client/setup/setup.h"
#include "client/status/status.h"

struct client {
    uv_loop_t *loop;
    struct client_options options;
    struct device device; /* what it knows about itself */
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

    uv_prepare_t prepare; /* checks all deadlines, once a turn of the loop */
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

/* SIGHUP: deadlines and limits of the new options, the files of the data directory, the clouds' settings and certificates. The
   sockets stay as they were opened. */
void client_reload(struct client *c, const struct client_options *fresh);

#endif
