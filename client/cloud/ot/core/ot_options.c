/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "client/device/core/device_files.h"

static int refuse(struct device_conf_error *err, const struct device_conf *conf, const char *name, const char *why)
{
    err->line = device_conf_line(conf, name);
    snprintf(err->why, sizeof err->why, "%s %s", name, why);
    return -EINVAL;
}

static int parse_numbers(struct ot_options *o, const struct device_conf *conf, struct device_conf_error *err)
{
    long port, info, keepalive, resend, window;

    if (device_conf_get_int(conf, "ot_port", 1, 65535, 0, &port, err) < 0 ||
        device_conf_get_int(conf, "ot_interval", 1000, 86400000, 1800000, &info, err) < 0 ||
        device_conf_get_int(conf, "ot_keepalive_ms", 2000, 3600000, 15000, &keepalive, err) < 0 ||
        device_conf_get_int(conf, "ot_resend_ms", 100, 60000, 3000, &resend, err) < 0 ||
        device_conf_get_int(conf, "ot_window", 1, 4096, 256, &window, err) < 0)
        return -EINVAL;
    o->port = (uint16_t) port;
    o->info_period_ms = (uint32_t) info;
    o->keepalive_ms = (uint32_t) keepalive;
    o->resend_ms = (uint32_t) resend;
    o->window = (unsigned) window;
    return 0;
}

static int parse_transport(struct ot_options *o, const struct device_conf *conf, struct device_conf_error *err)
{
    const char *t = device_conf_get(conf, "ot_transport");

    o->stream = t && strcmp(t, "tcp") == 0;
    if (t && !o->stream && strcmp(t, "udp") != 0)
        return refuse(err, conf, "ot_transport", "must be udp or tcp");
    return 0;
}

static int parse_host(struct ot_options *o, const struct device_conf *conf, struct device_conf_error *err)
{
    const char *country = device_conf_get(conf, "country");
    char word[DEVICE_COUNTRY_MAX + 1];

    o->host = device_conf_get(conf, "ot_host");
    if (country && *country && !device_country_parse(word, (struct ag_span){country, strlen(country)}))
        return refuse(err, conf, "country", "must be one short word of letters and digits");
    if (o->host && (!*o->host || strlen(o->host) > OT_HOST_MAX || strpbrk(o->host, " \t/")))
        return refuse(err, conf, "ot_host", "must be a host name or an address");
    return 0;
}

int ot_options_parse(struct ot_options *out, const struct device_conf *conf, struct device_conf_error *err)
{
    struct ot_options o = {0};

    if (parse_numbers(&o, conf, err) < 0 || parse_transport(&o, conf, err) < 0 || parse_host(&o, conf, err) < 0)
        return -EINVAL;
    *out = o;
    return 0;
}

void ot_options_host(const struct ot_options *o, const char *country, char out[OT_HOST_MAX + 1])
{
    char word[DEVICE_COUNTRY_MAX + 1];

    if (o->host)
        snprintf(out, OT_HOST_MAX + 1, "%s", o->host);
    else if (country && device_country_parse(word, (struct ag_span){country, strlen(country)}) && strcmp(word, "prc") != 0 &&
             strcmp(word, "cn") != 0)
        snprintf(out, OT_HOST_MAX + 1, "%s.%s.io.mi.com", word, o->stream ? "ott" : "ot");
    else
        snprintf(out, OT_HOST_MAX + 1, "%s.io.mi.com", o->stream ? "ott" : "ot");
}

uint16_t ot_options_port(const struct ot_options *o)
{
    if (o->port)
        return o->port;
    return o->stream ? 80 : 8053;
}
