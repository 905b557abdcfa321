/* SPDX-License-Identifier: MIT */
/*
 * The Gizwits stand-in: GService over HTTP, and M2M as a relay in front of a real mosquitto. The relay judges
 * CONNECT, subscriptions, topics, frames and heartbeats by the documents; messages go through the broker. The
 * Apps and the M2M server's own messages come from a connection of the stand-in at the same broker.
 *
 *   gizwits_state.c  devices and firmware
 *   gizwits_relay.c  devices' connections
 *   gizwits_web.c    HTTP
 *   gizwits_app.c    what Apps and server say and hear
 *   gizwits_cloud.c  options, standard input, journal (one JSON object a line on standard output)
 */
#ifndef SIM_GIZWITS_SIM_H
#define SIM_GIZWITS_SIM_H

#include <uv.h>
#include "examples/sim/broker.h"
#include "examples/sim/gizwits/gizwits_wire.h"
#include "examples/sim/mqtt_relay.h"
#include "examples/sim/standin.h"
#include "examples/sim/web.h"
#include "examples/sim/wire/mqtt_client.h"
#include "libagent/core/list.h"

enum { GZSIM_DID_LEN = 22, GZSIM_PINGS_MAX = 60, GZSIM_PINGS_MS = 180000 };

struct gzsim_relay;

struct gzsim_device {
    struct ag_list link;
    char did[GZSIM_DID_LEN + 1];
    char passcode[GZ_PASSCODE_MAX + 1];
    char mac[13];
    bool disabled;
    struct gzsim_relay *relay;       /* online */
    uint64_t pings[GZSIM_PINGS_MAX]; /* ring: when the last ones came, reconnects included */
    unsigned n_pings, next_ping;
};

/* What update checks answer, by type - 1. */
struct gzsim_firmware {
    char version[GZ_VERSION_MAX + 1]; /* "": none */
    uint32_t fid;
    char md5[33]; /* "": the download goes without Firmware-MD5 */
    struct ag_buf bytes;
};

struct gzsim {
    uv_loop_t loop;
    const char *product_key;
    struct ag_list devices;
    struct gzsim_device *current; /* the one that logged in last */
    struct gzsim_firmware firmware[2];
    unsigned n_apps;            /* what 0x020f is answered */
    bool auto_ack;              /* Apps acknowledge 0x0093 */
    bool swallow, refuse, down; /* PINGREQ; CONNECT; HTTP with 503 */
    struct sim_broker child;
    struct sockaddr_in broker;
    struct sim_mqtt link; /* of the Apps and the server */
    bool ready_told;
    uint16_t http_port, mqtt_port;
    struct mqtt_door door; /* of the devices */
    struct sim_web *web;
    struct sim_standin standin;
    uint64_t n_refused, n_logins, n_frames, n_pings;
    bool stopping;
};

/* ---- gizwits_state.c ---- */

/* Something that the documents forbid: counted and noted. */
void gzsim_refuse(struct gzsim *s, const char *did, const char *why);
/* NULL: no memory. A DID that has not been there before. */
struct gzsim_device *gzsim_device_add(struct gzsim *s, const char *passcode, const char *mac);
/* Disabled ones are not found. */
struct gzsim_device *gzsim_device_find(struct gzsim *s, struct ag_span did);
/* false: more than 60 in 180 s. */
bool gzsim_device_ping(struct gzsim_device *d, uint64_t now_ms);
/* path "-": no file, only names. 0 or -errno. */
int gzsim_firmware_set(struct gzsim *s, int type, const char *version, uint32_t fid, const char *path, bool with_md5);
void gzsim_state_free(struct gzsim *s);

/* ---- gizwits_relay.c ---- */

/* Prepares s->door. */
void gzsim_relay_init(struct gzsim *s);
void gzsim_relay_drop(struct gzsim_relay *r);

/* ---- gizwits_web.c ---- */

/* 0 or -errno; sim_web_stop() ends it. */
int gzsim_web_start(struct gzsim *s, uint16_t port);

/* ---- gizwits_app.c ---- */

int gzsim_app_open(struct gzsim *s);
/* A frame of an App's (app not "") or of the server's to the device that logged in last. */
int gzsim_app_send(struct gzsim *s, const char *app, const struct gz_frame *f);
int gzsim_app_publish(struct gzsim *s, const char *topic, struct ag_span payload);

#endif
