/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "agent/apps/mcu/core/identity.h"
#include "libagent/io/inifile.h"
#include "libagent/io/option.h"

enum kind { TEXT, NUMBER, YES_NO, MAC, MODEL, VERSION };

struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    unsigned long min, max; /* of a number; max of a text is its room */
};

#define AT(member)   offsetof(struct mcu_conf, member)
#define ROOM(member) sizeof(((struct mcu_conf *) 0)->member)
#define A_TEXT(key, m)                                                                                                           \
    {                                                                                                                            \
        key, TEXT, AT(m), 0, ROOM(m)                                                                                             \
    }
#define A_FLAG(key, m)                                                                                                           \
    {                                                                                                                            \
        key, YES_NO, AT(m), 0, 0                                                                                                 \
    }
#define A_NUMBER(key, m, lo, hi)                                                                                                 \
    {                                                                                                                            \
        key, NUMBER, AT(m), lo, hi                                                                                               \
    }

static const struct key keys[] = {
    A_TEXT("tty", tty),
    A_TEXT("agent", agent),
    {"model", MODEL, AT(set.model), 0, ROOM(set.model)},
    {"version", VERSION, AT(set.version), 0, ROOM(set.version)},
    {"mac", MAC, AT(set.mac), 0, ROOM(set.mac)},
    A_TEXT("did", set.did),
    A_NUMBER("props_per_get", set.props_per_get, 1, MCU_GET_PART_MAX),
    A_NUMBER("queue", set.queue_max, 1, 1024),
    A_NUMBER("command_timeout_ms", set.command_timeout_ms, 100, 60000),
    A_FLAG("ok_unknown", set.ok_unknown),
    A_FLAG("announce_net", set.announce_net),
    A_FLAG("ask_version", set.ask_version),
    A_FLAG("ask_model", set.ask_model),
    A_TEXT("hook_reboot", hook_reboot),
    A_TEXT("hook_restore", hook_restore),
    A_TEXT("hook_factory", hook_factory),
    A_NUMBER("hook_timeout_ms", hook_timeout_ms, 100, 600000),
    A_NUMBER("status_period_ms", status_period_ms, 200, 3600000),
    A_TEXT("update_dir", update_dir),
    A_FLAG("xmodem_1k", xmodem_1k),
    A_TEXT("log_file", log_file),
    A_NUMBER("log_level", log_level, 0, 4),
};

void mcu_conf_init(struct mcu_conf *conf)
{
    memset(conf, 0, sizeof *conf);
    mcu_settings_init(&conf->set);
    conf->hook_timeout_ms = 30000;
    conf->status_period_ms = 30000;
    conf->log_level = 2;
    strcpy(conf->update_dir, MCU_CONF_UPDATE_DIR);
}

static int set_number(unsigned *to, const struct key *key, const char *value, char *reason, size_t n)
{
    uint64_t v;

    if (ag_option_number(value, key->min, key->max, &v, reason, n) < 0)
        return -EINVAL;
    *to = (unsigned) v;
    return 0;
}

/* With or without separators, any case; kept as the line shows it. */
static int set_mac(char *to, const char *value, char *reason, size_t n)
{
    if (!mcu_mac_read(value, to)) {
        snprintf(reason, n, "\"%s\" is not a MAC address", value);
        return -EINVAL;
    }
    return 0;
}

static int set_checked(char *to, const struct key *key, const char *value, bool good, char *reason, size_t n)
{
    if (!good) {
        snprintf(reason, n, "\"%s\" cannot be a %s", value, key->name);
        return -EINVAL;
    }
    return ag_option_text(value, to, key->max, reason, n);
}

int mcu_conf_set(struct mcu_conf *conf, const char *name, const char *value, char *reason, size_t n)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct key *key = &keys[i];
        void *to = (char *) conf + key->offset;

        if (strcmp(key->name, name) != 0)
            continue;
        switch (key->kind) {
        case TEXT:
            return ag_option_text(value, to, key->max, reason, n);
        case NUMBER:
            return set_number(to, key, value, reason, n);
        case YES_NO:
            return ag_option_flag(value, to, reason, n);
        case MAC:
            return set_mac(to, value, reason, n);
        case MODEL:
            return set_checked(to, key, value, mcu_model_is_good((struct ag_span){value, strlen(value)}), reason, n);
        case VERSION:
            return set_checked(to, key, value, mcu_version_is_good(value), reason, n);
        }
    }
    snprintf(reason, n, "unknown name '%s'", name);
    return -EINVAL;
}

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (*item->section) {
        snprintf(reason, n, "there are no sections in this file");
        return -EINVAL;
    }
    return mcu_conf_set(user, item->name, item->value, reason, n);
}

int mcu_conf_read(struct mcu_conf *conf, const char *path, char *error)
{
    return ag_ini_parse_file(path, on_item, conf, error);
}
