/* SPDX-License-Identifier: MIT */
/* Settings of the mqtt cloud in device.conf; defaults and bounds are beside the members. Strings are borrowed. */
#ifndef CLIENT_MQTT_CONF_H
#define CLIENT_MQTT_CONF_H

#include <stdbool.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/endpoint.h"

enum { MQTT_SERVERS_MAX = 8 };

struct mqtt_conf {
    /* mqtt_server, needed: HOST[:PORT], or several, separated by commas, tried in turn; 1883, with TLS 8883 */
    struct endpoint servers[MQTT_SERVERS_MAX];
    unsigned n_servers;
    const char *client_id;       /* mqtt_client_id; NULL: "miio-<did>" */
    const char *user, *password; /* mqtt_user, mqtt_password; the latter a secret */
    uint16_t keepalive_s;        /* mqtt_keepalive, 5..65535, 60 */
    bool clean_session;          /* mqtt_clean_session, 0 */
    uint8_t qos;                 /* mqtt_qos of reports and answers, 1 */
    uint8_t command_qos;         /* mqtt_command_qos: the highest to ask for commands with, 2 */
    const char *prefix;          /* mqtt_prefix, "miio" */
    bool state;                  /* mqtt_state: keep the retained state topic, 1 */
    bool tls;                    /* mqtt_tls, 0; or any of the files below */
    const char *ca_file;         /* mqtt_ca; NULL: the system's */
    const char *cert_file;       /* mqtt_cert, with mqtt_key: client certificate */
    const char *key_file;
    const char *ha_list;   /* ha_properties: file with a list of properties, announced instead of the model; NULL: none */
    const char *model;     /* model: the file with the device's model; NULL: none. With neither, Home Assistant hears nothing */
    const char *ha_prefix; /* ha_prefix, "homeassistant" */
    const char
        *ha_status; /* ha_status: Home Assistant's own topic, PREFIX/status; its birth message has everything announced again */
    char ha_status_default[80];
    unsigned ha_max_bytes; /* ha_max_bytes of an announcement, 32768..1000000, 1000000: brokers have limits */
    unsigned ha_poll_s;    /* ha_poll, 0..86400, 60: how often to ask for properties that do not notify; 0: never */
};

/* 0, or -EINVAL with one line (key and reason) in why. */
int mqtt_conf_read(const struct device_conf *conf, struct mqtt_conf *out, char *why, size_t n);

#endif
