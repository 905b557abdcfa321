#include "client/cloud/onenet_conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "client/core/onenet_topic.h"

struct reading {
    const struct device_conf *conf;
    char *why;
    size_t n;
};

static int ag_printf_like(2, 3) refuse(const struct reading *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static const char *text_or(const struct reading *r, const char *key, const char *fallback)
{
    const char *v = device_conf_get(r->conf, key);

    return v && v[0] ? v : fallback;
}

static int read_int(const struct reading *r, const char *key, long min, long max, long fallback, long *out)
{
    struct device_conf_error err;

    if (device_conf_get_int(r->conf, key, min, max, fallback, out, &err) == 0)
        return 0;
    return refuse(r, "line %u: %s", err.line, err.why);
}

static int read_id(const struct reading *r, const char *key, const char **out)
{
    const char *v = text_or(r, key, NULL);

    if (!v)
        return refuse(r, "%s is missing", key);
    if (strspn(v, "0123456789") != strlen(v) || strlen(v) > 32)
        return refuse(r, "%s must be a decimal number", key);
    *out = v;
    return 0;
}

static int read_login(const struct reading *r, struct onenet_conf *out)
{
    const char *auth = text_or(r, "onenet_auth_info", NULL), *api = text_or(r, "onenet_api_key", NULL);
    int e = read_id(r, "onenet_device_id", &out->device_id);

    if (e == 0)
        e = read_id(r, "onenet_product_id", &out->product_id);
    if (e == 0 && !auth && !api)
        e = refuse(r, "onenet_auth_info or onenet_api_key is missing");
    out->password = auth ? auth : api;
    out->http_key = text_or(r, "onenet_master_key", api);
    return e;
}

static int read_topic(const struct reading *r, const char *key, const char **out)
{
    const char *v = text_or(r, key, NULL);
    int e = v ? onenet_topic_check((struct ag_span){v, strlen(v)}, false) : 0;

    if (e != 0)
        return refuse(r, "%s: %s", key, onenet_topic_strerror(e));
    *out = v;
    return 0;
}

static int read_subscriptions(const struct reading *r, struct onenet_conf *out)
{
    int n = 0;

    out->subscribe = text_or(r, "onenet_subscribe", NULL);
    for (const char *p = out->subscribe; p;) {
        size_t len = strcspn(p, ",");
        int e = onenet_topic_check((struct ag_span){p, len}, true);

        if (e != 0)
            return refuse(r, "onenet_subscribe: %s", onenet_topic_strerror(e));
        if (++n > ONENET_SUBSCRIPTIONS_MAX)
            return refuse(r, "onenet_subscribe: more than %d topics", ONENET_SUBSCRIPTIONS_MAX);
        p = p[len] ? p + len + 1 : NULL;
    }
    return 0;
}

static int read_numbers(const struct reading *r, struct onenet_conf *out)
{
    long keepalive = 0, clean = 0, qos = 0, will_qos = 0, will_retain = 0, offset = 0;
    int e = read_int(r, "onenet_keepalive", 120, 65535, 300, &keepalive);

    if (e == 0)
        e = read_int(r, "onenet_clean_session", 0, 1, 0, &clean);
    if (e == 0)
        e = read_int(r, "onenet_qos", 0, 2, 1, &qos);
    if (e == 0)
        e = read_int(r, "onenet_will_qos", 0, 2, 0, &will_qos);
    if (e == 0)
        e = read_int(r, "onenet_will_retain", 0, 1, 0, &will_retain);
    if (e == 0)
        e = read_int(r, "onenet_utc_offset", -720, 840, 0, &offset);
    out->keepalive_s = (uint16_t) keepalive;
    out->clean_session = clean;
    out->qos = (uint8_t) qos;
    out->will_qos = (uint8_t) will_qos;
    out->will_retain = will_retain;
    out->has_utc_offset = text_or(r, "onenet_utc_offset", NULL);
    out->utc_offset_s = (int32_t) offset * 60;
    return e;
}

int onenet_conf_read(const struct device_conf *conf, struct onenet_conf *out, char *why, size_t n)
{
    const struct reading r = {conf, why, n};
    struct onenet_conf c = {0};
    const char *reason = "";
    int e = read_login(&r, &c);

    if (e == 0 &&
        endpoint_parse(text_or(&r, "onenet_server", "183.230.40.39:6002"), 6002, &c.server, &reason) != 0)
        e = refuse(&r, "onenet_server: %s", reason);
    if (e == 0)
        e = read_numbers(&r, &c);
    if (e == 0)
        e = read_topic(&r, "onenet_will_topic", &c.will_topic);
    if (e == 0)
        e = read_topic(&r, "onenet_ota_topic", &c.ota_topic);
    if (e == 0)
        e = read_subscriptions(&r, &c);
    c.will_payload = text_or(&r, "onenet_will_payload", "");
    c.http_url = text_or(&r, "onenet_http", "http://api.heclouds.com");
    c.file_dir = text_or(&r, "onenet_file_dir", "/tmp");
    if (e == 0 && strncmp(c.http_url, "http://", 7) != 0 && strncmp(c.http_url, "https://", 8) != 0)
        e = refuse(&r, "onenet_http must begin with http:// or https://");
    if (e == 0 && c.file_dir[0] != '/')
        e = refuse(&r, "onenet_file_dir must be an absolute path");
    if (e == 0)
        *out = c;
    return e;
}
