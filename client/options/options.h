/* SPDX-License-Identifier: MIT */
/*
 * Command line, configuration file (--config) and device.conf; the earlier in this list wins. Names are the same in all
 * three: --command-timeout, "command-timeout = 4000", command_timeout=4000. An error is one line on standard error: where,
 * what, which limit.
 */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "client/cloud/cloud_list.h"
#include "client/device/core/device_conf.h"
#include "client/options/client_options.h"

enum option_name {
    OPT_DATADIR,
    OPT_LOGLEVEL,
    OPT_LOGFILE,
    OPT_CLOUD,
    OPT_MODEL,
    OPT_HOST,
    OPT_PORT,
    OPT_TRANSPORT,
    OPT_INTERVAL,
    OPT_COUNTRY,
    OPT_LOCAL,
    OPT_LAN,
    OPT_BLE,
    OPT_MQTT_API,
    OPT_ACCESS,
    OPT_AGENT_USER,
    OPT_HELPER,
    OPT_HOOKS,
    OPT_PROVISIONING,
    OPT_OS_RELEASE,
    OPT_COMMAND_TIMEOUT,
    OPT_COMMAND_GRACE,
    OPT_REQUEST_TIMEOUT,
    OPT_MEMORY_LIMIT,
    OPT_JOIN_TRIES,
    OPT_JOIN_PAUSE,
    OPT_IDENTITY_PAUSE,
    OPT_LAN_STAMP_WINDOW,
    OPT_TELL_ORIGIN,
    N_OPTIONS
};

enum option_source { FROM_DEFAULT, FROM_DEVICE_CONF, FROM_CONFIG_FILE, FROM_COMMAND_LINE };

struct option_value {
    char *text; /* owned; NULL: not given */
    enum option_source source;
    int line; /* in its file */
};

struct options {
    struct option_value values[N_OPTIONS];
    char *config_file;
    bool background, check_only;

    struct client_options client; /* made from the values */
    struct device_conf conf;
    struct cloud_list clouds;
    int log_level;
    const char *log_file; /* NULL: standard error */
};

/* true: go on. false: leave with *code_out (0 ok, 1 runtime, 2 usage, 78 configuration). */
bool options_read(struct options *o, int argc, char **argv, int *code_out);
void options_deinit(struct options *o);

#endif
