/* SPDX-License-Identifier: MIT */
/*
 * The client: owns the cores (commands, uplink, LAN session, device state), the sockets, the cloud and the helper, and
 * wires them. One per process in miio_client; nothing here is global, so tests may open several in one loop.
 *
 * Open, then run the loop; client_close() answers what is open, closes every handle and tells on_closed, after which the
 * struct may go.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <uv.h>
#include "client/cloud/cloud_links.h"
#include "client/local/core/command.h"
#include "client/device/device.h"
#include "client/lan/ble_port.h"
#include "client/lan/phones.h"
#include "client/local/core/local_cmd.h"
#include "client/device/io/data_dir.h"
#include "client/device/io/net_info.h"
#include "client/local/io/local_server.h"
#include "client/local/io/mqtt_api.h"
#include "client/local/local_gate.h"
#include "client/report/reports.h"
#include "client/setup/setup.h"
#include "libagent/core/log/log.h"

/* The local peer that the MQTT channels are. */
enum { CLIENT_MQTT_PEER = LOCAL_GATE_CHANNELS };

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

struct client_stats {
    uint64_t not_permitted;  /* by where it came from; those of the access rules are the gate's */
    uint64_t bad_form;       /* texts refused for their form: not one method, an id too long */
    uint64_t answers_lost;   /* the cloud did not take them */
    uint64_t reports_silent; /* without an id, and refused: nobody could be told */
};

struct client {
    uv_loop_t *loop;
    struct client_options options;
    struct device device; /* what it knows of itself */
    struct mcu_info mcu;  /* as the bridge to it told */

    struct command_table commands;
    struct reports reports;
    struct phones phones;
    struct ble_port ble;

    struct local_server *local;
    struct mqtt_api *mqtt_api; /* NULL: off */
    struct ag_addr local_bound;
    struct local_gate gate; /* who may do and see what on the local ways in */
    struct net_info *net;   /* NULL: none, asked again each time */
    uv_prepare_t prepare;   /* where all deadlines are looked at */
    uv_timer_t timer;       /* the earliest of them */
    uint64_t timer_at;

    struct cloud_links clouds;
    struct setup setup;
    struct ag_buf scratch; /* serve.c's; a secret */
    struct client_stats stats;
    struct ag_log_gate log; /* for lines that others can cause */

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

/* Every counter, once. A cloud's own begin with "cloud.", with several clouds with "cloud.NAME."; name is lent for the call. */
void client_tell_counters(const struct client *c, cloud_tell_fn *tell, void *user);
/* One line a counter that is not 0, to the log. */
void client_log_state(const struct client *c);
/* SIGHUP: deadlines and limits of the new options, the files of the data directory, the cloud's certificates. What the
   sockets and the cloud were opened with stays. */
void client_reload(struct client *c, const struct client_options *fresh);

/* ---- for the client's own files ---- */

/* An answer to whoever gave a command; text has any id, or none for an asker without one. What cannot be delivered is
   counted. */
void client_answer(struct client *c, struct origin to, struct ag_span text);
/* The same of a text that has the asker's id in it already. */
void client_answer_own(struct client *c, struct origin to, struct ag_span text);
/* A command from an origin: served here or broadcast to the applications. view NULL: the text is no object with a method. */
void client_command(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view,
                    bool wants_answer);
/* To one of them: a socket, or the MQTT channels. */
void client_send_peer(struct client *c, unsigned peer, struct ag_span text);
/* To every plain socket, and the MQTT channels. */
void client_broadcast(struct client *c, struct ag_span text);
/* One of the parts counted in n_open has ended. */
void client_part_closed(struct client *c);
/* An error to whoever sent this, under its id. */
void client_refuse(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, int code,
                   const char *why);
/* command_host.c */
void client_init_commands(struct client *c, uint32_t random);
/* true: the text has been refused for its form. An id that stands twice or is too long is not told back. */
bool client_refuse_form(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view,
                        bool wants_answer);

/* local_host.c */
void client_init_local(struct client *c);
/* These three: 0 or -errno with one line in error. */
int client_open_access(struct client *c, char error[DATA_ERROR_MAX]);
int client_open_local(struct client *c, char error[DATA_ERROR_MAX]);
int client_open_channels(struct client *c, char error[DATA_ERROR_MAX]);
void client_send_peers(struct client *c, uint64_t peers, struct ag_span text);
/* local.status, to those of peers that may see it. */
void client_say_word(struct client *c, uint64_t peers, const char *word);
/* true: the access rules refuse it, which has been answered. */
bool client_refuse_access(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view);

/* client.c: one total for all peers; 0: 16 MiB. */
void client_set_memory_limit(struct client *c, size_t limit);
/* r, with one line in error. */
int client_open_failed(char error[DATA_ERROR_MAX], const char *what, const struct ag_addr *at, int r);

/* setup_host.c */
void client_init_setup(struct client *c);
/* Goes through the boot order as far as it can. 0 or -errno with one line in error. */
int client_boot(struct client *c, char error[DATA_ERROR_MAX]);

/* client_hosts.c */
extern const struct phones_host client_phones_host;
extern const struct ble_port_host client_ble_host;
extern const struct cloud_links_host client_clouds_host;
extern const struct reports_host client_reports_host;
/* As routes name them; the number. */
unsigned client_name_clouds(const struct cloud_list *list, struct route_cloud out[CLOUDS_MAX]);

/* status_host.c */
/* The answers' objects, appended. 0 or -ENOMEM. */
int client_put_status(const struct client *c, struct ag_buf *out);
int client_put_counters(const struct client *c, struct ag_buf *out);

/* serve.c: the methods that the client answers itself. true: it was one of them and is settled; false: *tag_out is what
   client_serve_fallback() wants. */
bool client_serve(struct client *c, struct origin from, struct ag_span text, const struct ag_json_view *view, unsigned *tag_out);
/* What no application took, e.g. miIO.reboot. true: settled. */
bool client_serve_fallback(struct client *c, struct origin to, unsigned tag);
int client_device_info(struct client *c, struct ag_buf *out, bool with_token);

#endif
