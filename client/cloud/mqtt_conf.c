#include "client/cloud/mqtt_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 1883, PORT_TLS = 8883, PREFIX_MAX = 64 };

static const char *text_or(const struct device_conf *conf, const char *key, const char *fallback)
{
    const char *v = device_conf_get(conf, key);

    return v && v[0] ? v : fallback;
}

static int refuse(char *why, size_t n, const char *key, const char *reason)
{
    snprintf(why, n, "%s: %s", key, reason);
    return -EINVAL;
}

static int read_int(const struct device_conf *conf, const char *key, long min, long max, long fallback,
                    long *out, char *why, size_t n)
{
    struct device_conf_error err;

    if (device_conf_get_int(conf, key, min, max, fallback, out, &err) == 0)
        return 0;
    snprintf(why, n, "line %u: %s", err.line, err.why);
    return -EINVAL;
}

static int read_numbers(const struct device_conf *conf, struct mqtt_conf *c, char *why, size_t n)
{
    long keepalive = 0, clean = 0, qos = 0, state = 0, tls = 0;
    int r = read_int(conf, "mqtt_keepalive", 5, 65535, 60, &keepalive, why, n);

    if (r == 0)
        r = read_int(conf, "mqtt_clean_session", 0, 1, 0, &clean, why, n);
    if (r == 0)
        r = read_int(conf, "mqtt_qos", 0, 2, 1, &qos, why, n);
    if (r == 0)
        r = read_int(conf, "mqtt_state", 0, 1, 1, &state, why, n);
    if (r == 0)
        r = read_int(conf, "mqtt_tls", 0, 1, 0, &tls, why, n);
    c->keepalive_s = (uint16_t) keepalive;
    c->clean_session = clean;
    c->qos = (uint8_t) qos;
    c->state = state;
    c->tls = tls;
    return r;
}

/* A file that cannot be read is found at the start, not at the first connect. */
static int read_file(const struct device_conf *conf, const char *key, const char **out, char *why, size_t n)
{
    *out = text_or(conf, key, NULL);
    if (*out && access(*out, R_OK) != 0)
        return refuse(why, n, key, strerror(errno));
    return 0;
}

static int read_tls(const struct device_conf *conf, struct mqtt_conf *c, char *why, size_t n)
{
    int r = read_file(conf, "mqtt_ca", &c->ca_file, why, n);

    if (r == 0)
        r = read_file(conf, "mqtt_cert", &c->cert_file, why, n);
    if (r == 0)
        r = read_file(conf, "mqtt_key", &c->key_file, why, n);
    if (r == 0 && !c->cert_file != !c->key_file)
        r = refuse(why, n, "mqtt_cert", "needs mqtt_key, and the other way round");
    c->tls = c->tls || c->ca_file || c->cert_file;
    return r;
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

static bool is_prefix(const char *p)
{
    return strlen(p) <= PREFIX_MAX && !strpbrk(p, "+#$ ") && p[0] != '/' && p[strlen(p) - 1] != '/';
}

int mqtt_conf_read(const struct device_conf *conf, struct mqtt_conf *out, char *why, size_t n)
{
    const char *server = text_or(conf, "mqtt_server", NULL), *reason;
    struct mqtt_conf c = {
        .client_id = text_or(conf, "mqtt_client_id", NULL),
        .user = text_or(conf, "mqtt_user", NULL),
        .password = text_or(conf, "mqtt_password", NULL),
        .prefix = text_or(conf, "mqtt_prefix", "miio"),
        .ha_prefix = text_or(conf, "ha_prefix", "homeassistant"),
    };
    int r = read_numbers(conf, &c, why, n);

    if (r == 0)
        r = read_tls(conf, &c, why, n);
    if (r == 0)
        r = read_file(conf, "ha_properties", &c.ha_list, why, n);
    if (r < 0)
        return r;
    if (!server)
        return refuse(why, n, "mqtt_server", "is missing");
    if (read_servers(server, &c, &reason) < 0)
        return refuse(why, n, "mqtt_server", reason);
    if (c.password && !c.user)
        return refuse(why, n, "mqtt_password", "needs mqtt_user");
    if (!is_prefix(c.prefix) || !is_prefix(c.ha_prefix))
        return refuse(why, n, "mqtt_prefix or ha_prefix",
                      "must be a topic without wildcards and outer slashes");
    *out = c;
    return 0;
}
