/* SPDX-License-Identifier: MIT */
/* What the client is opened with; already checked, see options.h. Strings are borrowed and outlive it. */
#ifndef CLIENT_CLIENT_OPTIONS_H
#define CLIENT_CLIENT_OPTIONS_H

#include <stdbool.h>
#include "client/device/core/endpoint.h"
#include "client/device/io/data_dir.h"
#include "libagent/io/addr.h"

struct client_options {
    struct data_dir dir;
    const char *cloud;       /* of cloud_list_parse(), for the call of client_open() only */
    struct ag_addr local;    /* 127.0.0.1:54322 */
    struct ag_addr lan;      /* 0.0.0.0:54321 or AG_ADDR_NONE */
    struct ag_addr ble;      /* 127.0.0.1:54323 or AG_ADDR_NONE */
    const char *os_release;  /* NULL: /etc/os-release */
    const char *country;     /* -C; NULL: what the phone brought */
    const char *access_file; /* access rules; NULL: none */
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
    unsigned identity_pause_ms; /* 0: as in the vendor's document */
    bool tells_origin;          /* commands carry "_origin", see local/core/tell_origin.h */
};

#endif
