/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_config.h"

#include <errno.h>
#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 1883, PORT_TLS = 8883, KEEPALIVE_S = 60 };

static void secret_free(const char *s)
{
    if (s)
        explicit_bzero((char *) s, strlen(s));
    free((char *) s);
}

static void will_free(const struct mqtt_link_msg *w)
{
    if (!w)
        return;
    free((char *) w->topic);
    free((char *) w->payload.p);
    free((struct mqtt_link_msg *) w);
}

void mqtt_config_deinit(struct mqtt_link_config *c)
{
    free((char *) c->host);
    free((char *) c->client_id);
    free((char *) c->user);
    secret_free(c->password);
    will_free(c->will);
    free((char *) c->ca_file);
    free((char *) c->ca_dir);
    free((char *) c->cert_file);
    free((char *) c->key_file);
    *c = (struct mqtt_link_config){0};
}

static int dup_str(const char **at)
{
    if (!*at)
        return 0;
    *at = strdup(*at);
    return *at ? 0 : -ENOMEM;
}

static struct mqtt_link_msg *will_dup(const struct mqtt_link_msg *from)
{
    struct mqtt_link_msg *w = calloc(1, sizeof *w);
    char *payload = malloc(from->payload.len + 1);
    char *topic = strdup(from->topic);

    if (!w || !payload || !topic) {
        free(w);
        free(payload);
        free(topic);
        return NULL;
    }
    *w = *from;
    if (from->payload.len > 0)
        memcpy(payload, from->payload.p, from->payload.len);
    w->payload.p = payload;
    w->topic = topic;
    return w;
}

int mqtt_config_copy(struct mqtt_link_config *out, const struct mqtt_link_config *from)
{
    struct mqtt_link_config c = *from;
    int r = 0;

    /* every pointer is replaced by a copy or NULL, so that the end frees only what is ours */
    r |= dup_str(&c.host);
    r |= dup_str(&c.client_id);
    r |= dup_str(&c.user);
    r |= dup_str(&c.password);
    r |= dup_str(&c.ca_file);
    r |= dup_str(&c.ca_dir);
    r |= dup_str(&c.cert_file);
    r |= dup_str(&c.key_file);
    if (c.will) {
        c.will = will_dup(c.will);
        r |= c.will ? 0 : -ENOMEM;
    }
    if (r != 0) {
        mqtt_config_deinit(&c);
        return -ENOMEM;
    }
    if (c.port == 0)
        c.port = c.tls ? PORT_TLS : PORT;
    if (c.keepalive_s == 0)
        c.keepalive_s = KEEPALIVE_S;
    *out = c;
    return 0;
}

bool mqtt_config_is_sound(const struct mqtt_link_config *c)
{
    if (!c->host || !c->host[0] || (!c->client_id && !c->clean_session))
        return false;
    if ((c->password && !c->user) || (!c->cert_file != !c->key_file))
        return false;
    if (c->keepalive_s > 0 && c->keepalive_s < 5) /* what libmosquitto takes */
        return false;
    if (c->heartbeat_ms > 0 && (c->tls || c->heartbeat_ms > c->keepalive_s * 500u))
        return false;
    return !c->will || (c->will->topic && c->will->qos <= 2 && mosquitto_pub_topic_check(c->will->topic) == 0);
}
