/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/mqtt_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/mqtt/core/ha_model.h"
#include "libagent/core/utf8.h"

enum { PORT = 1883, PORT_TLS = 8883, PREFIX_MAX = 64 };

static int refuse(const struct conf_reading *r, const char *key, const char *reason)
{
    return conf_refuse(r, "%s: %s", key, reason);
}

static int read_numbers(const struct conf_reading *r, struct mqtt_conf *c)
{
    long keepalive = 0, clean = 0, qos = 0, command_qos = 0, state = 0, tls = 0, poll = 0, bytes = 0;
    int e = conf_int(r, "mqtt_keepalive", 5, 65535, 60, &keepalive);

    if (e == 0)
        e = conf_int(r, "mqtt_clean_session", 0, 1, 0, &clean);
    if (e == 0)
        e = conf_int(r, "mqtt_qos", 0, 2, 1, &qos);
    if (e == 0)
        e = conf_int(r, "mqtt_command_qos", 0, 2, 2, &command_qos);
    if (e == 0)
        e = conf_int(r, "mqtt_state", 0, 1, 1, &state);
    if (e == 0)
        e = conf_int(r, "mqtt_tls", 0, 1, 0, &tls);
    if (e == 0)
        e = conf_int(r, "ha_poll", 0, 86400, 60, &poll);
    if (e == 0)
        e = conf_int(r, "ha_max_bytes", HA_MODEL_BYTES_MIN, HA_MODEL_BYTES_MAX, HA_MODEL_BYTES_MAX, &bytes);
    c->keepalive_s = (uint16_t) keepalive;
    c->clean_session = clean;
    c->qos = (uint8_t) qos;
    c->command_qos = (uint8_t) command_qos;
    c->state = state;
    c->tls = tls;
    c->ha_poll_s = (unsigned) poll;
    c->ha_max_bytes = (unsigned) bytes;
    return e;
}

/* A file that cannot be read is found at the start, not at the first connect. */
static int read_file(const struct conf_reading *r, const char *key, const char **out)
{
    *out = conf_text(r, key, NULL);
    if (*out && access(*out, R_OK) != 0)
        return refuse(r, key, strerror(errno));
    return 0;
}

static int read_tls(const struct conf_reading *r, struct mqtt_conf *c)
{
    int e = read_file(r, "mqtt_ca", &c->ca_file);

    if (e == 0)
        e = read_file(r, "mqtt_cert", &c->cert_file);
    if (e == 0)
        e = read_file(r, "mqtt_key", &c->key_file);
    if (e == 0 && !c->cert_file != !c->key_file)
        e = refuse(r, "mqtt_cert", "needs mqtt_key, and the other way round");
    c->tls = c->tls || c->ca_file || c->cert_file;
#ifndef MIIO_TLS
    if (e == 0 && c->tls)
        e = refuse(r, "mqtt_tls", "this miio_client was built without TLS (MIIO_TLS=OFF)");
#endif
    return e;
}

static int read_servers(const char *list, struct mqtt_conf *c, const char **reason)
{
    for (const char *p = list; p;) {
        size_t len = strcspn(p, ",");
        char one[300];

        if (c->n_servers == MQTT_SERVERS_MAX || len >= sizeof one) {
            *reason = "more than 8 servers, or a name that is too long";
            return -EINVAL;
        }
        memcpy(one, p, len);
        one[len] = '\0';
        if (endpoint_parse(one, c->tls ? PORT_TLS : PORT, &c->servers[c->n_servers], reason) < 0)
            return -EINVAL;
        c->n_servers++;
        p = p[len] ? p + len + 1 : NULL;
    }
    return 0;
}

/* What MQTT takes for a text: brokers end a session over anything else. */
static int check_texts(const struct conf_reading *r)
{
    static const char *const keys[] = {"mqtt_client_id", "mqtt_user", "mqtt_prefix", "ha_prefix", "ha_status"};

    for (size_t i = 0; i < ag_array_size(keys); i++) {
        const char *v = conf_text(r, keys[i], "");
        bool good = ag_utf8_valid((struct ag_span){v, strlen(v)});

        for (; *v && good; v++)
            good = (*v & 0xe0) != 0 && *v != 0x7f;
        if (!good)
            return refuse(r, keys[i], "must be text in UTF-8 without control characters");
    }
    return 0;
}

static bool is_prefix(const char *p)
{
    return strlen(p) <= PREFIX_MAX && !strpbrk(p, "+#$ ") && p[0] != '/' && p[strlen(p) - 1] != '/';
}

int mqtt_conf_read(const struct device_conf *conf, struct mqtt_conf *out, char *why, size_t n)
{
    const struct conf_reading r = {conf, why, n};
    const char *server = conf_text(&r, "mqtt_server", NULL), *reason;
    struct mqtt_conf c = {
        .client_id = conf_text(&r, "mqtt_client_id", NULL),
        .user = conf_text(&r, "mqtt_user", NULL),
        .password = conf_text(&r, "mqtt_password", NULL),
        .prefix = conf_text(&r, "mqtt_prefix", "miio"),
        .ha_prefix = conf_text(&r, "ha_prefix", "homeassistant"),
        .ha_status = conf_text(&r, "ha_status", NULL),
    };
    int e = read_numbers(&r, &c);

    if (e == 0)
        e = read_tls(&r, &c);
    if (e == 0)
        e = read_file(&r, "ha_properties", &c.ha_list);
    if (e == 0)
        e = read_file(&r, DEVICE_CONF_MODEL_FILE, &c.model);
    if (e < 0)
        return e;
    if (!server)
        return refuse(&r, "mqtt_server", "is missing");
    if (read_servers(server, &c, &reason) < 0)
        return refuse(&r, "mqtt_server", reason);
    if (c.password && !c.user)
        return refuse(&r, "mqtt_password", "needs mqtt_user");
    e = check_texts(&r);
    if (e < 0)
        return e;
    if (!is_prefix(c.prefix) || !is_prefix(c.ha_prefix))
        return refuse(&r, "mqtt_prefix or ha_prefix", "must be a topic without wildcards and outer slashes");
    if (c.ha_status && (strpbrk(c.ha_status, "+#") || strlen(c.ha_status) > 200))
        return refuse(&r, "ha_status", "must be a topic without wildcards");
    *out = c;
    snprintf(out->ha_status_default, sizeof out->ha_status_default, "%s/status", c.ha_prefix);
    if (!c.ha_status)
        out->ha_status = out->ha_status_default;
    return 0;
}
