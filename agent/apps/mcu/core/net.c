/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/net.h"

#include <string.h>
#include "libagent/core/util.h"

const char *mcu_net_name(enum mcu_net net)
{
    static const char *const names[] = {
        [MCU_NET_OFFLINE] = "offline",   [MCU_NET_LOCAL] = "local", [MCU_NET_CLOUD] = "cloud",
        [MCU_NET_UPDATING] = "updating", [MCU_NET_UAP] = "uap",     [MCU_NET_UNPROV] = "unprov",
    };

    return names[net];
}

enum mcu_net mcu_net_of_status(const char *status, enum mcu_net was)
{
    static const struct {
        const char *status;
        enum mcu_net net;
    } table[] = {
        {"cloud_connected", MCU_NET_CLOUD},  {"internet_connected", MCU_NET_LOCAL}, {"cloud_trying", MCU_NET_LOCAL},
        {"cloud_retry", MCU_NET_LOCAL},      {"wifi_connected", MCU_NET_LOCAL},     {"sta_mode", MCU_NET_LOCAL},
        {"internet_failed", MCU_NET_LOCAL},  {"wifi_connecting", MCU_NET_OFFLINE},  {"wifi_failed", MCU_NET_OFFLINE},
        {"wifi_pwd_wrong", MCU_NET_OFFLINE}, {"wifi_ap_mode", MCU_NET_UAP},         {"ap_mode", MCU_NET_UAP},
        {"device_init", MCU_NET_UNPROV},     {"didkey_req1", MCU_NET_UNPROV},       {"didkey_req2", MCU_NET_UNPROV},
        {"didkey_done", MCU_NET_UNPROV},     {"token_done", MCU_NET_UNPROV},
    };

    for (size_t i = 0; i < ag_array_size(table); i++)
        if (strcmp(status, table[i].status) == 0)
            return table[i].net;
    return was;
}
