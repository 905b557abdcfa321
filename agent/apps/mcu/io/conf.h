/* SPDX-License-Identifier: MIT */
/* The settings of miio_mcu: defaults, a config file, the command line; later ones win. */
#ifndef MCU_CONF_H
#define MCU_CONF_H

#include <limits.h>
#include "agent/apps/mcu/core/bridge.h"
#include "libagent/io/option.h"

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
    char config[PATH_MAX]; /* the file; "": none */
    bool background, check_only;
};

void mcu_conf_init(struct mcu_conf *conf);

/* Its settings, for the command line and the file. */
extern const struct ag_option mcu_conf_rows[];
extern const size_t mcu_conf_n_rows;

#endif
