/* SPDX-License-Identifier: MIT */
/* The settings of miio_mcu: defaults, a config file, the command line; later ones win. */
#ifndef MCU_CONF_H
#define MCU_CONF_H

#include "agent/apps/mcu/core/bridge.h"

enum { MCU_CONF_TEXT_MAX = 200 };

#define MCU_CONF_UPDATE_DIR "/var/lib/miio/ota" /* where miio_ota keeps firmware by default */

struct mcu_conf {
    struct mcu_settings set;
    char tty[MCU_CONF_TEXT_MAX];
    char agent[MCU_CONF_TEXT_MAX]; /* "": libagent's own choice */
    char hook_reboot[MCU_CONF_TEXT_MAX];
    char hook_restore[MCU_CONF_TEXT_MAX];
    char hook_factory[MCU_CONF_TEXT_MAX];
    unsigned hook_timeout_ms;
    unsigned status_period_ms;
    char update_dir[MCU_CONF_TEXT_MAX]; /* images must lie below it; "": none is taken */
    bool xmodem_1k;
    char log_file[MCU_CONF_TEXT_MAX];
    unsigned log_level;
};

void mcu_conf_init(struct mcu_conf *conf);

/* One KEY and VALUE. 0, or -EINVAL with the reason in words. */
int mcu_conf_set(struct mcu_conf *conf, const char *key, const char *value, char *reason, size_t n);

/* Reads a file over what is there. 0 or -errno; error then says file, line and reason (AG_INI_ERROR_MAX
 * bytes). */
int mcu_conf_read(struct mcu_conf *conf, const char *path, char *error);

#endif
