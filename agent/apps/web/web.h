/* SPDX-License-Identifier: MIT */
/*
 * miio_web: a page on the device. Owns the connection to the agent, what it has learned from it, the open pages and the HTTP server.
 *
 * It is an application like any other: what it shows it asks by agent.*, client.* and agent.monitor, what it does goes through agent.call and
 * local.ble.config_router. While no page is open it asks nothing and follows only reports of properties, for the curves.
 */
#ifndef WEB_H
#define WEB_H

#include <agent/agent.h>
#include <agent/uv.h>
#include "agent/apps/web/core/password.h"
#include "agent/apps/web/core/session.h"
#include "agent/apps/web/core/values.h"
#include "agent/apps/web/io/child.h"
#include "agent/apps/web/io/server.h"

enum { WEB_NAMES_MAX = 8, WEB_NAME_MAX = 253 };

struct web_options {
    const char *agent;    /* address of miio_agent; NULL: libagent's default */
    const char *model;    /* file; NULL: none */
    const char *networks; /* program that lists networks; NULL: none */
    const char *miioctl;  /* program for the bundle */
    bool any_local_user;  /* without a password: every user of this machine, not only root and ours */
    bool has_password;
    struct web_password password;
    struct web_server_options server; /* handler and user are set by web_start() */
    const char *names[WEB_NAMES_MAX]; /* what this device is called, in small letters */
    size_t n_names;
    unsigned idle_ms, life_ms; /* of a session */
};

struct web {
    uv_loop_t *loop;
    const struct web_options *options;
    struct web_server server;
    struct web_children children;
    agent_conn *conn;
    agent_uv adapter;
    bool adapted, stopping, monitoring, monitoring_all;
    uint64_t you; /* our peer number at the agent; 0: not known */
    char local_status[64];
    struct ag_buf status, peers, networks, model; /* JSON texts; empty: not known */
    bool asking_status, asking_peers;
    struct web_values values;
    struct web_sessions sessions;
    struct web_limiter limiter;
    struct ag_list pages;
    uv_timer_t beat; /* runs while pages are open */
    bool beat_open;
    unsigned n_beats;
};

/* 0 or -errno, with a line in the log. On failure web_stop() is still to be called. */
int web_start(struct web *w, uv_loop_t *loop, const struct web_options *options);
/* Leaves: the loop ends by itself. Idempotent. */
void web_stop(struct web *w);
/* After the loop has ended. */
void web_deinit(struct web *w);

#endif
