/* SPDX-License-Identifier: MIT */
/* The sockets of applications, and the MQTT channels. */
#include "tests/unit/client/client_rig_priv.h"

#include <unistd.h>
#include "client/local/io/local_server.h"
#include "client/local/io/mqtt_api.h"
#include "libagent/core/json/json.h"

struct ear rig_app_ears[RIG_APPS], rig_channels_ear;
static bool app_there[RIG_APPS], channels_there;

void rig_local_begin(void)
{
    memset(app_there, 0, sizeof app_there);
    channels_there = false;
}

struct local_server {
    const struct local_server_events *events;
    void *user;
    struct local_who who[RIG_APPS];
};

static struct local_server local;

int local_server_open(struct local_server **out, uv_loop_t *loop, const struct ag_addr *at,
                      const struct local_server_events *events, void *user, struct ag_addr *bound_out)
{
    (void) loop;
    local = (struct local_server){.events = events, .user = user};
    *out = &local;
    *bound_out = *at;
    return 0;
}

void local_server_close(struct local_server *s)
{
    for (unsigned i = 0; s && i < RIG_APPS; i++) {
        if (app_there[i])
            s->events->left(s->user, i);
        app_there[i] = false;
    }
    if (s)
        s->events->closed(s->user);
}

void local_server_send(struct local_server *s, unsigned peer, struct ag_span text)
{
    (void) s;
    if (peer < RIG_APPS && app_there[peer])
        rig_hear_text(&rig_app_ears[peer], text);
}

void local_server_set_max_bytes(struct local_server *s, size_t max)
{
    (void) s;
    (void) max;
}

const struct local_who *local_server_who(const struct local_server *s, unsigned peer)
{
    return peer < RIG_APPS && app_there[peer] ? &s->who[peer] : NULL;
}

void local_server_get_stats(const struct local_server *s, struct local_server_stats *out)
{
    (void) s;
    *out = (struct local_server_stats){.accepted = 0};
}

struct mqtt_api {
    const struct mqtt_api_events *events;
    void *user;
};

static struct mqtt_api channels;

int mqtt_api_open(struct mqtt_api **out, uv_loop_t *loop, const struct endpoint *broker, uint64_t id,
                  const struct mqtt_api_events *events, void *user)
{
    (void) loop;
    (void) broker;
    (void) id;
    channels = (struct mqtt_api){events, user};
    *out = &channels;
    return 0;
}

void mqtt_api_close(struct mqtt_api *a)
{
    if (a)
        a->events->closed(a->user);
}

void mqtt_api_send(struct mqtt_api *a, struct ag_span text)
{
    (void) a;
    if (channels_there)
        rig_hear_text(&rig_channels_ear, text);
}

void mqtt_api_get_stats(const struct mqtt_api *a, struct mqtt_api_stats *out)
{
    (void) a;
    *out = (struct mqtt_api_stats){.texts_in = 0};
}

/* Texts back to back, as a socket's framer hands them on. */
static void app_says(unsigned peer, const char *text)
{
    struct ag_span all = rig_span(text);

    while (all.len > 0 && app_there[peer]) {
        struct ag_json_view view;
        struct ag_span one;
        size_t depth = 0, n = 0;

        do { /* scripts put no braces into strings */
            depth += all.p[n] == '{';
            depth -= all.p[n] == '}';
        } while (++n < all.len && depth > 0);
        one = rig_received((struct ag_span){all.p, n});
        if (ag_json_parse(&one, LOCAL_DEPTH_MAX, &view) != 0)
            rig_fail("no JSON: %s", text);
        local.events->text(local.user, peer, one, &view);
        all.p += n;
        all.len -= n;
    }
}

void rig_app_line(unsigned peer, char what, const char *text)
{
    if (what == '+') {
        local.who[peer] = (struct local_who){.known = true, .uid = getuid(), .trusted = true};
        app_there[peer] = true;
        local.events->joined(local.user, peer);
    } else if (what == '-') {
        app_there[peer] = false;
        local.events->left(local.user, peer);
    } else if (what == '>') {
        app_says(peer, text);
    } else {
        rig_expect(&rig_app_ears[peer], text);
    }
}

void rig_channels_line(char what, const char *text)
{
    struct ag_span one = rig_received(rig_span(text));
    struct ag_json_view view;

    if (what == '+') {
        channels_there = true;
        channels.events->joined(channels.user);
    } else if (what == '-') {
        channels.events->left(channels.user);
        channels_there = false;
    } else if (what == '>') {
        assert_int_equal(ag_json_parse(&one, 16, &view), 0);
        channels.events->text(channels.user, one, &view);
    } else {
        rig_expect(&rig_channels_ear, text);
    }
}
