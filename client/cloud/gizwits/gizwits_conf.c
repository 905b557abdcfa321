/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/gizwits_conf.h"

#include <ctype.h>
#include <string.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/gizwits/core/gizwits_http.h"

enum { KEY_LEN = 32 };

static int read_key(const struct conf_reading *r, struct gizwits_conf *out)
{
    const char *v = conf_text(r, "gizwits_product_key", NULL);

    if (!v)
        return conf_refuse(r, "gizwits_product_key is missing");
    if (strlen(v) != KEY_LEN || strspn(v, "0123456789abcdefABCDEF") != KEY_LEN)
        return conf_refuse(r, "gizwits_product_key must be %d hex digits", KEY_LEN);
    for (size_t i = 0; i <= KEY_LEN; i++)
        out->product_key[i] = (char) tolower((unsigned char) v[i]);
    return 0;
}

static int read_mac(const struct conf_reading *r, struct gizwits_conf *out)
{
    size_t n = 0;

    for (const char *p = r->conf->mac; *p && n < sizeof out->mac - 1; p++)
        if (isxdigit((unsigned char) *p))
            out->mac[n++] = (char) tolower((unsigned char) *p);
    out->mac[n] = '\0';
    return n == sizeof out->mac - 1 ? 0 : conf_refuse(r, "mac is missing");
}

static int read_times(const struct conf_reading *r, struct gizwits_conf *out)
{
    long keepalive = 0, heartbeat = 0, retry = 0, max = 0, ack = 0;
    int e = conf_int(r, "gizwits_keepalive", 20, 600, 120, &keepalive);

    if (e == 0)
        e = conf_int(r, "gizwits_heartbeat", 4, 300, 60, &heartbeat);
    if (e == 0 && heartbeat * 2 > keepalive)
        e = conf_refuse(r, "gizwits_heartbeat must be at most half of gizwits_keepalive");
    if (e == 0)
        e = conf_int(r, "gizwits_retry", 100, 600000, 10000, &retry);
    if (e == 0)
        e = conf_int(r, "gizwits_retry_max", 100, 86400000, 600000, &max);
    if (e == 0)
        e = conf_int(r, "gizwits_ack_wait", 100, 60000, 5000, &ack);
    out->keepalive_s = (uint16_t) keepalive;
    out->heartbeat_ms = (uint32_t) heartbeat * 1000;
    out->retry_ms = (uint32_t) retry;
    out->retry_max_ms = (uint32_t) max;
    out->ack_wait_ms = (uint32_t) ack;
    return e;
}

static int read_version(const struct conf_reading *r, const char *key, const char *fallback, const char **out)
{
    *out = conf_text(r, key, fallback);
    if (*out && strlen(*out) > GIZWITS_VERSION_MAX)
        return conf_refuse(r, "%s is longer than %d bytes", key, GIZWITS_VERSION_MAX);
    return 0;
}

static int read_ota(const struct conf_reading *r, struct gizwits_conf *out)
{
    const char *v = conf_text(r, "gizwits_ota", "4.1");
    int e = 0;

    if (strcmp(v, "4.1") == 0)
        out->ota = GIZWITS_OTA_V41;
    else if (strcmp(v, "4.0") == 0)
        out->ota = GIZWITS_OTA_V40;
    else if (strcmp(v, "off") == 0)
        out->ota = GIZWITS_OTA_OFF;
    else
        e = conf_refuse(r, "gizwits_ota must be 4.1, 4.0 or off");
    if (e == 0)
        e = read_version(r, "gizwits_hard_version", "1", &out->hard_version[0]);
    if (e == 0)
        e = read_version(r, "gizwits_soft_version", NULL, &out->soft_version[0]);
    if (e == 0)
        e = read_version(r, "gizwits_mcu_hard_version", "1", &out->hard_version[1]);
    if (e == 0)
        e = read_version(r, "gizwits_mcu_soft_version", NULL, &out->soft_version[1]);
    return e;
}

static int read_factory_fids(const struct conf_reading *r, struct gizwits_conf *out)
{
    long wifi = 0, mcu = 0;
    int e = conf_int(r, "gizwits_firmware_id", 0, INT32_MAX, 0, &wifi);

    if (e == 0)
        e = conf_int(r, "gizwits_mcu_firmware_id", 0, INT32_MAX, 0, &mcu);
    out->factory_fid[0] = (uint32_t) wifi;
    out->factory_fid[1] = (uint32_t) mcu;
    return e;
}

static int read_request_topic(const struct conf_reading *r, struct gizwits_conf *out)
{
    long ask = 0;
    int e = conf_int(r, "gizwits_ask_apps", 0, 1, 1, &ask);

    out->ask_apps = ask;
    out->request_topic = conf_text(r, "gizwits_request_topic", "cli2ser_req");
    if (e == 0 && (strlen(out->request_topic) > 64 || strpbrk(out->request_topic, "+#")))
        e = conf_refuse(r, "gizwits_request_topic is not a topic");
    return e;
}

int gizwits_conf_read(const struct device_conf *conf, struct gizwits_conf *out, char *why, size_t n)
{
    const struct conf_reading r = {conf, why, n};
    struct gizwits_conf c = {.ota = GIZWITS_OTA_OFF};
    const char *reason = "";
    int e = read_key(&r, &c);

    if (e == 0)
        e = read_mac(&r, &c);
    if (e == 0 && endpoint_parse(conf_text(&r, "gizwits_server", "api.gizwits.com"), 80, &c.server, &reason) != 0)
        e = conf_refuse(&r, "gizwits_server: %s", reason);
    if (e == 0)
        e = read_times(&r, &c);
    if (e == 0)
        e = read_ota(&r, &c);
    if (e == 0)
        e = read_factory_fids(&r, &c);
    if (e == 0)
        e = read_request_topic(&r, &c);
    if (e == 0)
        *out = c;
    return e;
}
