/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/onenet_conf.h"

#include <string.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/onenet/core/onenet_topic.h"

static int read_id(const struct conf_reading *r, const char *key, const char **out)
{
    const char *v = conf_text(r, key, NULL);

    if (!v)
        return conf_refuse(r, "%s is missing", key);
    if (strspn(v, "0123456789") != strlen(v) || strlen(v) > 32)
        return conf_refuse(r, "%s must be a decimal number", key);
    *out = v;
    return 0;
}

static int read_login(const struct conf_reading *r, struct onenet_conf *out)
{
    const char *auth = conf_text(r, "onenet_auth_info", NULL), *api = conf_text(r, "onenet_api_key", NULL);
    int e = read_id(r, "onenet_device_id", &out->device_id);

    if (e == 0)
        e = read_id(r, "onenet_product_id", &out->product_id);
    if (e == 0 && !auth && !api)
        e = conf_refuse(r, "onenet_auth_info or onenet_api_key is missing");
    out->password = auth ? auth : api;
    out->http_key = conf_text(r, "onenet_master_key", api);
    return e;
}

static int read_topic(const struct conf_reading *r, const char *key, const char **out)
{
    const char *v = conf_text(r, key, NULL);
    int e = v ? onenet_topic_check((struct ag_span){v, strlen(v)}, false) : 0;

    if (e != 0)
        return conf_refuse(r, "%s: %s", key, onenet_topic_strerror(e));
    *out = v;
    return 0;
}

static int read_subscriptions(const struct conf_reading *r, struct onenet_conf *out)
{
    int n = 0;

    out->subscribe = conf_text(r, "onenet_subscribe", NULL);
    for (const char *p = out->subscribe; p;) {
        size_t len = strcspn(p, ",");
        int e = onenet_topic_check((struct ag_span){p, len}, true);

        if (e != 0)
            return conf_refuse(r, "onenet_subscribe: %s", onenet_topic_strerror(e));
        if (++n > ONENET_SUBSCRIPTIONS_MAX)
            return conf_refuse(r, "onenet_subscribe: more than %d topics", ONENET_SUBSCRIPTIONS_MAX);
        p = p[len] ? p + len + 1 : NULL;
    }
    return 0;
}

static int read_numbers(const struct conf_reading *r, struct onenet_conf *out)
{
    long keepalive = 0, clean = 0, qos = 0, will_qos = 0, will_retain = 0, offset = 0;
    int e = conf_int(r, "onenet_keepalive", 120, 65535, 300, &keepalive);

    if (e == 0)
        e = conf_int(r, "onenet_clean_session", 0, 1, 0, &clean);
    if (e == 0)
        e = conf_int(r, "onenet_qos", 0, 2, 1, &qos);
    if (e == 0)
        e = conf_int(r, "onenet_will_qos", 0, 2, 0, &will_qos);
    if (e == 0)
        e = conf_int(r, "onenet_will_retain", 0, 1, 0, &will_retain);
    if (e == 0)
        e = conf_int(r, "onenet_utc_offset", -720, 840, 0, &offset);
    out->keepalive_s = (uint16_t) keepalive;
    out->clean_session = clean;
    out->qos = (uint8_t) qos;
    out->will_qos = (uint8_t) will_qos;
    out->will_retain = will_retain;
    out->has_utc_offset = conf_text(r, "onenet_utc_offset", NULL);
    out->utc_offset_s = (int32_t) offset * 60;
    return e;
}

static int read_names(const struct conf_reading *r, struct onenet_conf *out)
{
    const char *word = conf_text(r, "onenet_names", "numbers");

    if (strcmp(word, "numbers") == 0)
        return 0;
    if (strcmp(word, "model") != 0)
        return conf_refuse(r, "onenet_names must be numbers or model");
    out->model = conf_text(r, DEVICE_CONF_MODEL_FILE, NULL);
    return out->model ? 0 : conf_refuse(r, "onenet_names: there is no model, see model_file");
}

int onenet_conf_read(const struct device_conf *conf, struct onenet_conf *out, char *why, size_t n)
{
    const struct conf_reading r = {conf, why, n};
    struct onenet_conf c = {0};
    const char *reason = "";
    int e = read_login(&r, &c);

    if (e == 0 && endpoint_parse(conf_text(&r, "onenet_server", "183.230.40.39:6002"), 6002, &c.server, &reason) != 0)
        e = conf_refuse(&r, "onenet_server: %s", reason);
    if (e == 0)
        e = read_numbers(&r, &c);
    if (e == 0)
        e = read_topic(&r, "onenet_will_topic", &c.will_topic);
    if (e == 0)
        e = read_topic(&r, "onenet_ota_topic", &c.ota_topic);
    if (e == 0)
        e = read_subscriptions(&r, &c);
    if (e == 0)
        e = read_names(&r, &c);
    c.will_payload = conf_text(&r, "onenet_will_payload", "");
    c.http_url = conf_text(&r, "onenet_http", "http://api.heclouds.com");
    c.file_dir = conf_text(&r, "onenet_file_dir", NULL);
    if (e == 0 && strncmp(c.http_url, "http://", 7) != 0 && strncmp(c.http_url, "https://", 8) != 0)
        e = conf_refuse(&r, "onenet_http must begin with http:// or https://");
    if (e == 0 && c.file_dir && c.file_dir[0] != '/')
        e = conf_refuse(&r, "onenet_file_dir must be an absolute path");
    if (e == 0)
        *out = c;
    return e;
}
