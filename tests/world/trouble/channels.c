/* SPDX-License-Identifier: MIT */
#include "tests/world/trouble/channels.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/calls.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/trouble.h"

enum { HEARD_WITHIN_S = 90, PATIENCE_S = 720, CALM_S = 60, CONNECTS_A_MINUTE = 40, SETTLED_S = 60 };

static struct {
    struct broker broker;
    struct link *link;
    char heard[32]; /* the last word of the state */
    uint64_t n_seen, word_us;
    bool calm;                        /* nothing was amiss when it joined, and when the word was said */
    uint64_t n_connects, patience_us; /* a subscription that was cut again and again is left alone for minutes */
} api;

static bool has_value[APPS_MAX]; /* the retained state, of the property of an application */

/* ---- the API ---- */

static void on_publish(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain)
{
    char text[512];
    const char *at;

    (void) user;
    (void) qos;
    (void) dup;
    (void) retain;
    snprintf(text, sizeof text, "%.*s", (int) n, payload);
    at = strstr(text, "\"local.status\",\"params\":\"");
    if (strcmp(topic, "miio/command") == 0 && at)
        snprintf(api.heard, sizeof api.heard, "%.*s", (int) strcspn(at + 25, "\""), at + 25);
}

/* A word that is said, or a join, while memory is short may get lost. */
static void note_calm(void)
{
    bool calm = scene.n_planned == 0 && scene.planned_us + CALM_S * SECOND < W.now_us;

    if (api.n_seen != api.broker.n_connects || api.word_us != scene.word_us)
        api.calm = calm;
    api.n_seen = api.broker.n_connects;
    api.word_us = scene.word_us;
}

/* Whoever listens there hears the last word, however often the broker was away. */
static void look(void *arg, uint64_t n)
{
    (void) arg;
    if (scene.over)
        return;
    after(10 * SECOND, look, NULL, n + 1);
    note_calm();
    if (n % 6 == 0) {
        if (api.broker.n_connects - api.n_connects > CONNECTS_A_MINUTE)
            broken("%llu logins to the MQTT API's broker within a minute: its pauses do not grow",
                   (unsigned long long) (api.broker.n_connects - api.n_connects));
        api.n_connects = api.broker.n_connects;
    }
    if (api.patience_us > W.now_us || !quiet_for(HEARD_WITHIN_S) || scene.word_us + HEARD_WITHIN_S * SECOND > W.now_us ||
        !scene.word[0])
        return;
    if (!broker_serves(&api.broker, "local/miio_client_in"))
        broken("the MQTT API has not joined its broker");
    else if (api.calm && strcmp(api.heard, scene.word) != 0)
        broken("the MQTT channels have last heard \"%s\": the state is %s", api.heard, scene.word);
}

static void well_again(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    api.broker.faults.close_at_once = false;
    api.patience_us = W.now_us + PATIENCE_S * SECOND;
    scene_is_down(false);
}

static void suffers(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (scene.over || W.now_us > scene.rest_us)
        return;
    after(rng_between(&scene.traffic, 200, 1200) * SECOND, suffers, NULL, 0);
    say("the MQTT API's broker starts again");
    scene_disturbed("api");
    api.heard[0] = '\0';
    broker_restart(&api.broker, true);
    if (rng_below(&scene.traffic, 3))
        return;
    api.broker.faults.close_at_once = true;
    scene_is_down(true);
    after(240 * SECOND, well_again, NULL, 0);
}

int channels_conf(char *out, size_t room)
{
    int n = troubles.channels ? snprintf(out, room, "mqtt_api=api.world:1883\n") : 0;

    return n;
}

void channels_open(void)
{
    uint32_t ip = IP(10, 9, 2, 1);

    if (!troubles.channels)
        return;
    api.link = net_host(ip, "api", 2 * MS);
    resolver.at[resolver.n].name = "api.world";
    resolver.at[resolver.n++].ip = ip;
    api.broker.on_publish = on_publish;
    broker_open(&api.broker, ip, 1883, api.link);
    after(30 * SECOND, look, NULL, 0);
    after(400 * SECOND, suffers, NULL, 0);
}

/* ---- what the cloud retains ---- */

void channels_forgiven(void)
{
    memset(has_value, 0, sizeof has_value);
}

static void look_at_state(const char *text)
{
    bool settled = runs(CLIENT) && scene.n_down == 0 && scene.planned_us + SETTLED_S * SECOND < scene.procs[CLIENT]->started_us;
    cJSON *json = cJSON_Parse(text);

    if (!json)
        broken("the retained state is no JSON: %.200s", text);
    for (unsigned a = 0; json && a < scene.shape.n_apps; a++) {
        char name[16];
        bool has;

        snprintf(name, sizeof name, "p%u", a);
        has = cJSON_GetObjectItemCaseSensitive(json, name);
        if (has_value[a] && !has && settled)
            broken("the retained state has lost %s: %.200s", name, text);
        has_value[a] = has;
    }
    cJSON_Delete(json);
}

void channels_retained(struct side *s, const char *topic, const char *text)
{
    (void) s;
    if (strcmp(topic, "miio/10000/state") == 0 && text[0])
        look_at_state(text);
    else if (strcmp(topic, "miio/10000/state") == 0)
        channels_forgiven();
}
