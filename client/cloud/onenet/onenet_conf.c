/* SPDX-License-Identifier: MIT */
#include "client/cloud/onenet/onenet_conf.h"

#include <string.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/onenet/core/onenet_topic.h"

static const char *read_id(struct conf_reading *r, const char *key)
{
    const char *v = conf_text(r, key, NULL);

    if (!v)
        conf_refuse(r, "%s is missing", key);
    else if (strspn(v, "0123456789") != strlen(v) || strlen(v) > 32)
        conf_refuse(r, "%s must be a decimal number", key);
    return v;
}

static void read_login(struct conf_reading *r, struct onenet_conf *out)
{
    const char *auth = conf_text(r, "onenet_auth_info", NULL), *api = conf_text(r, "onenet_api_key", NULL);

    out->device_id = read_id(r, "onenet_device_id");
    out->product_id = read_id(r, "onenet_product_id");
    if (!auth && !api)
        conf_refuse(r, "onenet_auth_info or onenet_api_key is missing");
    out->password = auth ? auth : api;
    out->http_key = conf_text(r, "onenet_master_key", api);
}

static const char *read_topic(struct conf_reading *r, const char *key)
{
    const char *v = conf_text(r, key, NULL);
    int e = v ? onenet_topic_check((struct ag_span){v, strlen(v)}, false) : 0;

    if (e != 0)
        conf_refuse(r, "%s: %s", key, onenet_topic_strerror(e));
    return v;
}

static void read_subscriptions(struct conf_reading *r, struct onenet_conf *out)
{
    int n = 0;

    out->subscribe = conf_text(r, "onenet_subscribe", NULL);
    for (const char *p = out->subscribe; p && r->error == 0;) {
        size_t len = strcspn(p, ",");
        int e = onenet_topic_check((struct ag_span){p, len}, true);

        if (e != 0)
            conf_refuse(r, "onenet_subscribe: %s", onenet_topic_strerror(e));
        else if (++n > ONENET_SUBSCRIPTIONS_MAX)
            conf_refuse(r, "onenet_subscribe: more than %d topics", ONENET_SUBSCRIPTIONS_MAX);
        p = p[len] ? p + len + 1 : NULL;
    }
}

static void read_numbers(struct conf_reading *r, struct onenet_conf *out)
{
    out->keepalive_s = (uint16_t) conf_int(r, "onenet_keepalive", 120, 65535, 300);
    out->clean_session = conf_bool(r, "onenet_clean_session", false);
    out->qos = (uint8_t) conf_int(r, "onenet_qos", 0, 2, 1);
    out->will_qos = (uint8_t) conf_int(r, "onenet_will_qos", 0, 2, 0);
    out->will_retain = conf_bool(r, "onenet_will_retain", false);
    out->has_utc_offset = conf_text(r, "onenet_utc_offset", NULL);
    out->utc_offset_s = (int32_t) conf_int(r, "onenet_utc_offset", -720, 840, 0) * 60;
}

static void read_names(struct conf_reading *r, struct onenet_conf *out)
{
    const char *word = conf_text(r, "onenet_names", "numbers");

    if (strcmp(word, "numbers") == 0)
        return;
    if (strcmp(word, "model") != 0)
        conf_refuse(r, "onenet_names must be numbers or model");
    out->model = conf_text(r, DEVICE_CONF_MODEL_FILE, NULL);
    if (!out->model)
        conf_refuse(r, "onenet_names: there is no model, see model_file");
}

static void read_http(struct conf_reading *r, struct onenet_conf *out)
{
    out->http_url = conf_text(r, "onenet_http", "http://api.heclouds.com");
    if (strncmp(out->http_url, "http://", 7) != 0 && strncmp(out->http_url, "https://", 8) != 0)
        conf_refuse(r, "onenet_http must begin with http:// or https://");
    out->file_dir = conf_text(r, "onenet_file_dir", NULL);
    if (out->file_dir && out->file_dir[0] != '/')
        conf_refuse(r, "onenet_file_dir must be an absolute path");
}

int onenet_conf_read(const struct device_conf *conf, struct onenet_conf *out, char *why, size_t n)
{
    struct conf_reading r = {.conf = conf, .why = why, .n = n};
    struct onenet_conf c = {0};
    const char *reason = "";

    read_login(&r, &c);
    if (endpoint_parse(conf_text(&r, "onenet_server", "183.230.40.39:6002"), 6002, &c.server, &reason) != 0)
        conf_refuse(&r, "onenet_server: %s", reason);
    read_numbers(&r, &c);
    c.will_topic = read_topic(&r, "onenet_will_topic");
    c.will_payload = conf_text(&r, "onenet_will_payload", "");
    c.ota_topic = read_topic(&r, "onenet_ota_topic");
    read_subscriptions(&r, &c);
    read_names(&r, &c);
    read_http(&r, &c);
    if (r.error == 0)
        *out = c;
    return r.error;
}
