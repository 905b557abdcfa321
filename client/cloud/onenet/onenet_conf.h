/* SPDX-License-Identifier: MIT */
/*
 * Settings of the OneNET cloud in device.conf. Defaults and bounds are beside the members; source: OneNET MQTT access
 * document, section 4.1. Strings are borrowed from the device_conf.
 */
#ifndef CLIENT_ONENET_CONF_H
#define CLIENT_ONENET_CONF_H

#include <stdbool.h>
#include "client/device/core/device_conf.h"
#include "client/device/core/endpoint.h"

struct onenet_conf {
    struct endpoint server;   /* onenet_server, 183.230.40.39:6002 */
    const char *device_id;    /* onenet_device_id, decimal; needed */
    const char *product_id;   /* onenet_product_id, decimal; needed */
    const char *password;     /* onenet_auth_info, or else onenet_api_key; one of them is needed; a secret */
    const char *http_url;     /* onenet_http, http://api.heclouds.com */
    const char *http_key;     /* onenet_master_key, or else onenet_api_key; NULL: no HTTP; a secret */
    uint16_t keepalive_s;     /* onenet_keepalive, 120..65535, 300 */
    bool clean_session;       /* onenet_clean_session, 0 */
    uint8_t qos;              /* onenet_qos of reports and answers, 1 */
    const char *will_topic;   /* onenet_will_topic; NULL: no will */
    const char *will_payload; /* onenet_will_payload, "" */
    uint8_t will_qos;         /* onenet_will_qos, 0 */
    bool will_retain;         /* onenet_will_retain, 0 */
    const char *subscribe;    /* onenet_subscribe: topics, separated by commas; NULL: none */
    const char *ota_topic;    /* onenet_ota_topic: its messages are firmware notices; NULL: none */
    const char *file_dir;     /* onenet_file_dir: {"file":...} must lie below it; NULL: no file is sent */
    bool has_utc_offset;      /* onenet_utc_offset, minutes east of UTC, -720..840; the device's local time */
    int32_t utc_offset_s;
    const char *model; /* with onenet_names=model the model's file: streams have its names; NULL: numbers */
};

/* 0, or -EINVAL with one line (key and reason, no value of a secret) in why. */
int onenet_conf_read(const struct device_conf *conf, struct onenet_conf *out, char *why, size_t n);

#endif
