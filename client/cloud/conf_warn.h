/* SPDX-License-Identifier: MIT */
/* What of device.conf is misspelt, not used or open to others, said once at start. */
#ifndef CLIENT_CONF_WARN_H
#define CLIENT_CONF_WARN_H

#include "client/cloud/cloud_list.h"
#include "client/device/core/device_conf.h"

/* dir: the data directory, for the log; it ends in '/'. */
void cloud_conf_warn(const struct device_conf *conf, const struct cloud_list *list, const char *dir);

#endif
