/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/mqtt_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "client/cloud/conf_reading.h"
#include "client/cloud/mqtt/core/ha/ha_device.h"
#include "libagent/core/utf8.h"

enum { PORT = 1883, PORT_TLS = 8883, PREFIX_MAX = 64 };

static void refuse(struct conf_reading *r, const char *key, const char *reason)
{
    conf_refuse(r, "%s: %s", key, reason);
}

static void read_numbers(struct conf_reading *r, struct mqtt_conf *c)
{
    c->keepalive_s = (uint16_t) conf_int(r, "mqtt_keepalive", 5, 65535, 60);
    c->clean_session = conf_bool(r, "mqtt_clean_session", false);
    c->qos = (uint8_t) conf_int(r, "mqtt_qos", 0, 2, 1);
    c->command_qos = (uint8_t) conf_int(r, "mqtt_command_qos", 0, 2, 2);
    c->state = conf_bool(r, "mqtt_state", true);
    c->tls = conf_bool(r, "mqtt_tls", false);
    c->ha_poll_s = (unsigned) conf_int(r, "ha_poll", 0, 86400, 60);
    c->ha_max_bytes = (unsigned) conf_int(r, "ha_max_bytes", HA_MODEL_BYTES_MIN, HA_MODEL_BYTES_MAX, HA_MODEL_BYTES_MAX);
}

/* A file that cannot be read is found at the start, not at the first connect. */
static const char *read_file(struct conf_reading *r, const char *key)
{
    const char *path = conf_text(r, key, NULL);

    if (path && access(path, R_OK) != 0)
        refuse(r, key, strerror(errno));
    return path;
}

static void read_tls(struct conf_reading *r, struct mqtt_conf *c)
{
    c->ca_file = read_file(r, "mqtt_ca");
    c->cert_file = read_file(r, "mqtt_cert");
    c->key_file = read_file(r, "mqtt_key");
    if (!c->cert_file != !c->key_file)
        refuse(r, "mqtt_cert", "needs mqtt_key, and vice versa");
    c->tls = c->tls || c->ca_file || c->cert_file;
#ifndef MIIO_TLS
    if (c->tls)
        refuse(r, "mqtt_tls", "this miio_client was built without TLS (MIIO_TLS=OFF)");
#endif
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

/* What MQTT accepts as text: brokers end the session over anything else. */
static void check_texts(struct conf_reading *r)
{
    static const char *const keys[] = {"mqtt_client_id", "mqtt_user", "mqtt_prefix", "ha_prefix", "ha_status"};

    for (size_t i = 0; i < ag_array_size(keys); i++) {
        const char *v = conf_text(r, keys[i], "");
        bool good = ag_utf8_valid((struct ag_span){v, strlen(v)});

        for (; *v && good; v++)
            good = (*v & 0xe0) != 0 && *v != 0x7f;
        if (!good)
            refuse(r, keys[i], "must be text in UTF-8 without control characters");
    }
}

static bool is_prefix(const char *p)
{
    return strlen(p) <= PREFIX_MAX && !strpbrk(p, "+#$ ") && p[0] != '/' && p[strlen(p) - 1] != '/';
}

static void check_topics(struct conf_reading *r, const struct mqtt_conf *c)
{
    if (!is_prefix(c->prefix) || !is_prefix(c->ha_prefix))
        refuse(r, "mqtt_prefix or ha_prefix", "must be a topic without wildcards, and without slashes at its ends");
    if (c->ha_status && (strpbrk(c->ha_status, "+#") || strlen(c->ha_status) > 200))
        refuse(r, "ha_status", "must be a topic without wildcards");
}

int mqtt_conf_read(const struct device_conf *conf, struct mqtt_conf *out, char *why, size_t n)
{
    struct conf_reading r = {.conf = conf, .why = why, .n = n};
    const char *server = conf_text(&r, "mqtt_server", NULL), *reason;
    struct mqtt_conf c = {
        .client_id = conf_text(&r, "mqtt_client_id", NULL),
        .user = conf_text(&r, "mqtt_user", NULL),
        .password = conf_text(&r, "mqtt_password", NULL),
        .prefix = conf_text(&r, "mqtt_prefix", "miio"),
        .ha_prefix = conf_text(&r, "ha_prefix", "homeassistant"),
        .ha_status = conf_text(&r, "ha_status", NULL),
    };

    read_numbers(&r, &c);
    read_tls(&r, &c);
    c.ha_list = read_file(&r, "ha_properties");
    c.model = read_file(&r, DEVICE_CONF_MODEL_FILE);
    if (!server)
        refuse(&r, "mqtt_server", "is missing");
    else if (read_servers(server, &c, &reason) < 0)
        refuse(&r, "mqtt_server", reason);
    if (c.password && !c.user)
        refuse(&r, "mqtt_password", "needs mqtt_user");
    check_texts(&r);
    check_topics(&r, &c);
    if (r.error < 0)
        return r.error;
    *out = c;
    snprintf(out->ha_status_default, sizeof out->ha_status_default, "%s/status", c.ha_prefix);
    if (!c.ha_status)
        out->ha_status = out->ha_status_default;
    return 0;
}
