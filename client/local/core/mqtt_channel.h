/* SPDX-License-Identifier: MIT */
/*
 * The six channels of the MQTT API, an application's alternative to the socket on TCP 54322. To the client they are one
 * more local peer; this says which text goes through which channel.
 * Source: Xiaomi Linux client document, sections 3.2 and 15.
 */
#ifndef CLIENT_MQTT_CHANNEL_H
#define CLIENT_MQTT_CHANNEL_H

#include <stdbool.h>
#include "libagent/core/json/json.h"

enum mqtt_channel {
    MQTT_CHANNEL_REPORT,      /* "miio/report": in */
    MQTT_CHANNEL_COMMAND_ACK, /* "miio/command_ack": in */
    MQTT_CHANNEL_LOCAL_IN,    /* "local/miio_client_in": in */
    MQTT_CHANNEL_N_IN,
    MQTT_CHANNEL_REPORT_ACK = MQTT_CHANNEL_N_IN, /* "miio/report_ack": out */
    MQTT_CHANNEL_COMMAND,                        /* "miio/command": out */
    MQTT_CHANNEL_LOCAL_OUT,                      /* "local/miio_client_out": out */
    MQTT_N_CHANNELS
};

const char *mqtt_channel_topic(enum mqtt_channel c);

/* An incoming channel by its topic; MQTT_CHANNEL_N_IN: it is none. */
enum mqtt_channel mqtt_channel_find(const char *topic);

/* True when a text with these members belongs on an incoming channel: reports and queries have a method, answers none. */
bool mqtt_channel_fits(enum mqtt_channel c, const struct ag_json_view *view);

/* Where a text for the applications goes; answering: it answers a query of local/miio_client_in. */
enum mqtt_channel mqtt_channel_choose(const struct ag_json_view *view, bool answering);

#endif
