/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/apps/mcu/core/identity.h"

void mcu_conf_init(struct mcu_conf *conf)
{
    memset(conf, 0, sizeof *conf);
    mcu_settings_init(&conf->set);
    conf->hook_timeout_ms = 30000;
    conf->status_period_ms = 30000;
    conf->log_level = 2;
    strcpy(conf->update_dir, MCU_CONF_UPDATE_DIR);
}

/* With or without separators, any case; kept as the line shows it. */
static int set_mac(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    if (!mcu_mac_read(value, (char *) to + row->at)) {
        snprintf(reason, n, "\"%s\" is not a MAC address", value);
        return -EINVAL;
    }
    return 0;
}

static int set_checked(void *to, const struct ag_option *row, const char *value, bool good, char *reason, size_t n)
{
    if (!good) {
        snprintf(reason, n, "\"%s\" cannot be a %s", value, row->key);
        return -EINVAL;
    }
    return ag_option_text(value, (char *) to + row->at, row->size, reason, n);
}

static int set_model(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    return set_checked(to, row, value, mcu_model_is_good((struct ag_span){value, strlen(value)}), reason, n);
}

static int set_version(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    return set_checked(to, row, value, mcu_version_is_good(value), reason, n);
}

/* KEY=VALUE, as a line of the file. */
static int set_by_key(void *to, const struct ag_option *row, const char *text, char *reason, size_t n)
{
    const char *equals = strchr(text, '=');
    char key[64];
    int r;

    (void) row;
    if (!equals || (size_t) (equals - text) >= sizeof key) {
        snprintf(reason, n, "not KEY=VALUE");
        return -EINVAL;
    }
    memcpy(key, text, (size_t) (equals - text));
    key[equals - text] = '\0';
    reason[0] = '\0';
    r = ag_option_set_key(mcu_conf_rows, mcu_conf_n_rows, to, key, equals + 1, reason, n);
    if (r < 0 && !reason[0])
        snprintf(reason, n, "unknown name '%s'", key);
    return r;
}

#define AT(member) AG_OPTION_FIELD(struct mcu_conf, member)

const struct ag_option mcu_conf_rows[] = {
    {"tty", "tty", 't', AG_OPTION_TEXT, AT(tty)},
    {"agent", "agent", 'a', AG_OPTION_TEXT, AT(agent)},
    {NULL, "model", .set = set_model, AT(set.model)},
    {NULL, "version", .set = set_version, AT(set.version)},
    {NULL, "mac", .set = set_mac, AT(set.mac)},
    {NULL, "did", 0, AG_OPTION_TEXT, AT(set.did)},
    {NULL, "props_per_get", 0, AG_OPTION_NUMBER, AT(set.props_per_get), .least = 1, .most = MCU_GET_PART_MAX},
    {NULL, "queue", 0, AG_OPTION_NUMBER, AT(set.queue_max), .least = 1, .most = 1024},
    {NULL, "command_timeout_ms", 0, AG_OPTION_NUMBER, AT(set.command_timeout_ms), .least = 100, .most = 60000},
    {NULL, "ok_unknown", 0, AG_OPTION_FLAG, AT(set.ok_unknown)},
    {NULL, "announce_net", 0, AG_OPTION_FLAG, AT(set.announce_net)},
    {NULL, "ask_version", 0, AG_OPTION_FLAG, AT(set.ask_version)},
    {NULL, "ask_model", 0, AG_OPTION_FLAG, AT(set.ask_model)},
    {NULL, "hook_reboot", 0, AG_OPTION_TEXT, AT(hook_reboot)},
    {NULL, "hook_restore", 0, AG_OPTION_TEXT, AT(hook_restore)},
    {NULL, "hook_factory", 0, AG_OPTION_TEXT, AT(hook_factory)},
    {NULL, "hook_timeout_ms", 0, AG_OPTION_NUMBER, AT(hook_timeout_ms), .least = 100, .most = 600000},
    {NULL, "status_period_ms", 0, AG_OPTION_NUMBER, AT(status_period_ms), .least = 200, .most = 3600000},
    {NULL, "update_dir", 0, AG_OPTION_TEXT, AT(update_dir)},
    {NULL, "xmodem_1k", 0, AG_OPTION_FLAG, AT(xmodem_1k)},
    {"logfile", "log_file", 'L', AG_OPTION_TEXT, AT(log_file)},
    {"loglevel", "log_level", 'l', AG_OPTION_NUMBER, AT(log_level), .most = 4},
    {"config", NULL, 'c', AG_OPTION_TEXT, AT(config)},
    {"option", NULL, 'o', .set = set_by_key},
    {"check-config", NULL, 0, AG_OPTION_FLAG, AT(check_only)},
    {"daemonize", NULL, 'D', AG_OPTION_FLAG, AT(background)},
};

const size_t mcu_conf_n_rows = ag_array_size(mcu_conf_rows);
