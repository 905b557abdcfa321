/* SPDX-License-Identifier: MIT */
#include "client/cloud/conf_warn.h"

#include "client/device/io/data_dir.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"

/* The one file with a secret that device.conf names. */
static void look_at_mqtt_key(const struct device_conf *conf)
{
    const char *path = device_conf_get(conf, "mqtt_key");
    char why[AG_TRUST_WHY_MAX];

    if (path && path[0] && ag_trust_file(path, AG_TRUST_SECRET, why) > 0)
        ag_log(AG_LOG_WARNING, "%s: %s", path, why);
}

void cloud_conf_warn(const struct device_conf *conf, const struct cloud_list *list, const char *dir)
{
    char why[CONF_COMPLAINT_MAX];
    const char *name, *value;

    for (size_t i = 0; i < conf->n_entries; i++) {
        device_conf_nth(conf, i, &name, &value);
        if (conf_key_complaint(name, why) || cloud_list_complaint(list, name, why))
            ag_log(AG_LOG_WARNING, "%s" DATA_CONF ":%u: %s", dir, device_conf_line(conf, name), why);
    }
    look_at_mqtt_key(conf);
}
