/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/gizwits_conf.h"

#include <ctype.h>
#include <string.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/gizwits/core/gizwits_acks.h"
#include "client/cloud/gizwits/core/gizwits_http.h"
#include "client/cloud/gizwits/core/gizwits_session.h"

enum { KEY_LEN = 32 };

static void read_key(struct conf_reading *r, struct gizwits_conf *out)
{
    const char *v = conf_text(r, "gizwits_product_key", NULL);

    if (!v) {
        conf_refuse(r, "gizwits_product_key is missing");
        return;
    }
    if (strlen(v) != KEY_LEN || strspn(v, "0123456789abcdefABCDEF") != KEY_LEN) {
        conf_refuse(r, "gizwits_product_key must be %d hex digits", KEY_LEN);
        return;
    }
    for (size_t i = 0; i <= KEY_LEN; i++)
        out->product_key[i] = (char) tolower((unsigned char) v[i]);
}

static void read_mac(struct conf_reading *r, struct gizwits_conf *out)
{
    size_t n = 0;

    for (const char *p = r->conf->mac; *p && n < sizeof out->mac - 1; p++)
        if (isxdigit((unsigned char) *p))
            out->mac[n++] = (char) tolower((unsigned char) *p);
    out->mac[n] = '\0';
    if (n != sizeof out->mac - 1)
        conf_refuse(r, "mac is missing");
}

static void read_times(struct conf_reading *r, struct gizwits_conf *out)
{
    long keepalive = conf_int(r, "gizwits_keepalive", 20, 600, 120);
    long heartbeat = conf_int(r, "gizwits_heartbeat", 4, 300, 60);

    if (heartbeat * 2 > keepalive)
        conf_refuse(r, "gizwits_heartbeat must be at most half of gizwits_keepalive");
    out->keepalive_s = (uint16_t) keepalive;
    out->heartbeat_ms = (uint32_t) heartbeat * 1000;
    out->retry_ms = (uint32_t) conf_int(r, "gizwits_retry", 100, 600000, GIZWITS_STEP_MS);
    out->retry_max_ms = (uint32_t) conf_int(r, "gizwits_retry_max", 100, 86400000, GIZWITS_PAUSE_MAX_MS);
    out->ack_wait_ms = (uint32_t) conf_int(r, "gizwits_ack_wait", 100, 60000, GIZWITS_ACK_WAIT_MS);
}

static const char *read_version(struct conf_reading *r, const char *key, const char *fallback)
{
    const char *v = conf_text(r, key, fallback);

    if (v && strlen(v) > GIZWITS_VERSION_MAX)
        conf_refuse(r, "%s is longer than %d bytes", key, GIZWITS_VERSION_MAX);
    return v;
}

static void read_ota(struct conf_reading *r, struct gizwits_conf *out)
{
    const char *v = conf_text(r, "gizwits_ota", "4.1");

    if (strcmp(v, "4.1") == 0)
        out->ota = GIZWITS_OTA_V41;
    else if (strcmp(v, "4.0") == 0)
        out->ota = GIZWITS_OTA_V40;
    else if (strcmp(v, "off") == 0)
        out->ota = GIZWITS_OTA_OFF;
    else
        conf_refuse(r, "gizwits_ota must be 4.1, 4.0 or off");
    out->hard_version[0] = read_version(r, "gizwits_hard_version", "1");
    out->soft_version[0] = read_version(r, "gizwits_soft_version", NULL);
    out->hard_version[1] = read_version(r, "gizwits_mcu_hard_version", "1");
    out->soft_version[1] = read_version(r, "gizwits_mcu_soft_version", NULL);
    out->factory_fid[0] = (uint32_t) conf_int(r, "gizwits_firmware_id", 0, INT32_MAX, 0);
    out->factory_fid[1] = (uint32_t) conf_int(r, "gizwits_mcu_firmware_id", 0, INT32_MAX, 0);
}

static void read_request_topic(struct conf_reading *r, struct gizwits_conf *out)
{
    out->ask_apps = conf_bool(r, "gizwits_ask_apps", true);
    out->request_topic = conf_text(r, "gizwits_request_topic", "cli2ser_req");
    if (strlen(out->request_topic) > 64 || strpbrk(out->request_topic, "+#"))
        conf_refuse(r, "gizwits_request_topic is not a topic");
}

int gizwits_conf_read(const struct device_conf *conf, struct gizwits_conf *out, char *why, size_t n)
{
    struct conf_reading r = {.conf = conf, .why = why, .n = n};
    struct gizwits_conf c = {.ota = GIZWITS_OTA_OFF};
    const char *reason = "";

    read_key(&r, &c);
    read_mac(&r, &c);
    if (endpoint_parse(conf_text(&r, "gizwits_server", "api.gizwits.com"), 80, &c.server, &reason) != 0)
        conf_refuse(&r, "gizwits_server: %s", reason);
    read_times(&r, &c);
    read_ota(&r, &c);
    read_request_topic(&r, &c);
    if (r.error == 0)
        *out = c;
    return r.error;
}
