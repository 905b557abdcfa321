/* SPDX-License-Identifier: MIT */
#include "client/local/core/mqtt_channel.h"

#include <string.h>

static const char *const topics[MQTT_N_CHANNELS] = {
    [MQTT_CHANNEL_REPORT] = "miio/report",
    [MQTT_CHANNEL_COMMAND_ACK] = "miio/command_ack",
    [MQTT_CHANNEL_LOCAL_IN] = "local/miio_client_in",
    [MQTT_CHANNEL_REPORT_ACK] = "miio/report_ack",
    [MQTT_CHANNEL_COMMAND] = "miio/command",
    [MQTT_CHANNEL_LOCAL_OUT] = "local/miio_client_out",
};

const char *mqtt_channel_topic(enum mqtt_channel c)
{
    return topics[c];
}

enum mqtt_channel mqtt_channel_find(const char *topic)
{
    for (unsigned c = 0; c < MQTT_CHANNEL_N_IN; c++) {
        if (strcmp(topics[c], topic) == 0)
            return (enum mqtt_channel) c;
    }
    return MQTT_CHANNEL_N_IN;
}

bool mqtt_channel_fits(enum mqtt_channel c, const struct ag_json_view *view)
{
    return ag_view_has(view, AG_M_METHOD) == (c != MQTT_CHANNEL_COMMAND_ACK);
}

enum mqtt_channel mqtt_channel_choose(const struct ag_json_view *view, bool answering)
{
    if (answering)
        return MQTT_CHANNEL_LOCAL_OUT;
    return ag_view_has(view, AG_M_METHOD) ? MQTT_CHANNEL_COMMAND : MQTT_CHANNEL_REPORT_ACK;
}
