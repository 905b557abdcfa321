/* SPDX-License-Identifier: MIT */
/* The options of miio_web. */
#ifndef WEB_OPTIONS_H
#define WEB_OPTIONS_H

#include "agent/apps/web/core/password.h"
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

#endif
