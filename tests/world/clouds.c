/* SPDX-License-Identifier: MIT */
/* The clouds of a world: their stand-ins, and what is said between them and those who watch. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/trouble/channels.h"
#include "tests/world/trouble/house.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/rules/promises.h"
#include "tests/world/trouble/quiet.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/trouble.h"

static const char KEY[] = "0123456789abcdef";

const char *side_name(enum side_kind k)
{
    static const char *const names[SIDE_KINDS] = {"ot", "mqtt", "onenet", "gizwits"};

    return names[k];
}

static uint64_t id_of(const char *text)
{
    const char *at = strstr(text, "\"id\":");

    return at ? strtoull(at + 5, NULL, 10) : 0;
}

/* ---- OT ---- */

static void on_ot_report(void *user, uint32_t id, const char *text)
{
    traffic_reported(user, text, id);
}

static void on_ot_answer(void *user, uint32_t id, const char *text)
{
    traffic_answered(user, id, text, true);
}

static void open_ot(struct side *s, uint32_t ip)
{
    s->ot.on_report = on_ot_report;
    s->ot.on_answer = on_ot_answer;
    s->ot.user = s;
    ot_open(&s->ot, ip, 8053, s->link, DID, KEY);
}

/* ---- MQTT ---- */

static void retained(struct side *s, const char *topic, const char *payload, size_t n)
{
    char *text = calloc(1, n + 1);

    memcpy(text, payload, n);
    channels_retained(s, topic, text);
    house_told(topic, text);
    free(text);
}

static void on_mqtt(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain)
{
    char text[4096];

    (void) qos;
    snprintf(text, sizeof text, "%.*s", (int) n, payload);
    if (retain)
        retained(user, topic, payload, n);
    else if (strstr(topic, "/command_ack"))
        traffic_answered(user, id_of(text), text, dup);
    else if (strstr(topic, "/report"))
        traffic_reported(user, text, id_of(text));
}

/* ---- OneNET: $dp with a binary head, $creq and $crsp ---- */

enum { DP_STREAMS = 1, DP_VALUES = 3, DP_TIMED = 4 };

/* The value of a stream, whatever form the points have: {"app":1}, {"app":{"2025-11-24 16:00:00":1}}, or a list of streams. */
static const cJSON *point(const cJSON *json, int type, const char *stream)
{
    const cJSON *each, *v = cJSON_GetObjectItemCaseSensitive(json, stream);

    if (type == DP_VALUES)
        return v;
    if (type == DP_TIMED)
        return v ? v->child : NULL;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(json, "datastreams"))
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(each, "id");
        const cJSON *points = cJSON_GetObjectItemCaseSensitive(each, "datapoints");

        if (cJSON_IsString(id) && strcmp(id->valuestring, stream) == 0 && points && points->child)
            return cJSON_GetObjectItemCaseSensitive(points->child, "value");
    }
    return NULL;
}

static void on_points(struct side *s, const char *payload, size_t n, bool dup)
{
    const uint8_t *p = (const uint8_t *) payload;
    int type = n > 0 ? p[0] & 63 : 0;
    const cJSON *app, *number, *pressed;
    char text[64] = "";
    cJSON *json;

    if (n < 3 || (p[0] & 0xc0) || (type != DP_STREAMS && type != DP_VALUES && type != DP_TIMED) ||
        ((size_t) p[1] << 8 | p[2]) != n - 3) {
        broken("OneNET was sent data points that are none: type %d, %zu bytes", type, n);
        return;
    }
    json = cJSON_ParseWithLength(payload + 3, n - 3);
    app = point(json, type, "app");
    number = point(json, type, "n");
    pressed = point(json, type, "pressed");
    if (!json)
        broken("OneNET was sent data points that are no JSON: %.*s", (int) (n - 3), payload + 3);
    else if (cJSON_IsNumber(app) && cJSON_IsNumber(number))
        snprintf(text, sizeof text, "{\"app\":%.0f,\"n\":%.0f}", app->valuedouble, number->valuedouble);
    else if (cJSON_IsArray(pressed) && cJSON_GetArraySize(pressed) == 2)
        snprintf(text, sizeof text, "{\"app\":%.0f,\"n\":%.0f}", cJSON_GetArrayItem(pressed, 0)->valuedouble,
                 cJSON_GetArrayItem(pressed, 1)->valuedouble);
    else
        say("onenet: other points: %.*s", (int) (n - 3), payload + 3);
    cJSON_Delete(json);
    if (!text[0])
        return;
    /* the line's own repeat is what it was */
    if (scene.plan->breadth.width >= WIDTH_TROUBLES)
        quiet_arrived(atoi(text + 7), strtoull(strstr(text, "\"n\":") + 4, NULL, 10), dup || type != DP_VALUES);
    traffic_reported(s, text, 0);
}

static void on_onenet(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain)
{
    char text[4096];

    (void) qos;
    snprintf(text, sizeof text, "%.*s", (int) n, payload);
    if (retain)
        broken("OneNET was sent something to retain: %s", topic);
    else if (strcmp(topic, "$dp") == 0)
        on_points(user, payload, n, dup);
    else if (strncmp(topic, "$crsp/u", 7) == 0 && strtoull(topic + 7, NULL, 10) != id_of(text))
        broken("OneNET was answered %.200s on %s", text, topic);
    else if (strncmp(topic, "$crsp/", 6) == 0)
        traffic_answered(user, id_of(text), text, true); /* a command at QoS 1 comes again, and so does its answer */
    else
        broken("OneNET was sent something on %s", topic);
}

static const char *check_onenet(void *user, const struct broker_login *l)
{
    (void) user;
    if (l->level != 4)
        return "the protocol level";
    if (strcmp(l->id, "4711") != 0 || strcmp(l->name, "42") != 0 || strcmp(l->password, "secret") != 0)
        return "device id, product id or auth_info";
    return NULL;
}

/* ---- Gizwits ---- */

static void on_app_answer(void *user, const char *text)
{
    traffic_answered(user, id_of(text), text, false);
}

static void on_app_report(void *user, const char *text)
{
    traffic_reported(user, text, id_of(text));
}

static void open_gizwits(struct side *s, uint32_t ip)
{
    struct gizwits *g = s->gizwits = calloc(1, sizeof *g);

    g->user = s;
    g->on_answer = on_app_answer;
    g->on_report = on_app_report;
    gizwits_open(g, &s->broker, ip);
    resolver.at[resolver.n].name = "m2m.world";
    resolver.at[resolver.n++].ip = ip;
    broker_open(&s->broker, ip, 1883, s->link);
}

/* ---- all ---- */

static void open_side(struct side *s)
{
    static const struct {
        uint16_t port;
        void (*on_publish)(void *user, const char *topic, const char *payload, size_t n, int qos, int dup, int retain);
        const char *(*check)(void *user, const struct broker_login *l);
    } brokers[SIDE_KINDS] = {[SIDE_MQTT] = {1883, on_mqtt, NULL}, [SIDE_ONENET] = {6002, on_onenet, check_onenet}};
    static const char *const hosts[SIDE_KINDS] = {"ot.world", "broker.world", "onenet.world", "gservice.world"};
    uint32_t ip = IP(10, 9, 0, 1 + s->index);

    s->latency_us = rng_between(&scene.traffic, 5, 200) * MS;
    s->link = net_host(ip, s->index == 0 ? "cloud" : side_name(s->kind), s->latency_us);
    resolver.at[resolver.n].name = hosts[s->kind];
    resolver.at[resolver.n++].ip = ip;
    if (s->kind == SIDE_OT) {
        open_ot(s, ip);
        return;
    }
    if (s->kind == SIDE_GIZWITS) {
        open_gizwits(s, ip);
        return;
    }
    s->broker.user = s;
    s->broker.on_publish = brokers[s->kind].on_publish;
    s->broker.check = brokers[s->kind].check;
    broker_open(&s->broker, ip, brokers[s->kind].port, s->link);
}

void sides_open(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++) {
        scene.sides[i].kind = scene.shape.sides[i];
        scene.sides[i].index = i;
        open_side(&scene.sides[i]);
    }
}

size_t sides_conf(char *out, size_t room)
{
    const char *const lines[SIDE_KINDS] = {
        [SIDE_OT] = "ot_host=ot.world\not_port=8053\n",
        [SIDE_MQTT] = troubles.retained ? "mqtt_server=broker.world\n" : "mqtt_server=broker.world\nmqtt_state=0\n",
        [SIDE_ONENET] = "onenet_server=onenet.world\nonenet_device_id=4711\nonenet_product_id=42\nonenet_auth_info=secret\n",
        [SIDE_GIZWITS] = "gizwits_product_key=" GIZWITS_KEY "\ngizwits_server=gservice.world\n"};
    size_t n = (size_t) snprintf(out, room, "key=%s\ncloud=", KEY);

    if (scene.plan->breadth.width == WIDTH_PLAIN) /* as it was: keys of both */
        return n + (size_t) snprintf(out + n, room - n, "%s\n%sot_transport=%s\n%s", side_name(scene.shape.sides[0]),
                                     lines[SIDE_OT], scene.shape.tcp ? "tcp" : "udp", lines[SIDE_MQTT]);
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        n += (size_t) snprintf(out + n, room - n, "%s%s", i ? "," : "", side_name(scene.shape.sides[i]));
    n += (size_t) snprintf(out + n, room - n, "\n");
    for (unsigned i = 0; i < scene.shape.n_sides; i++) {
        n += (size_t) snprintf(out + n, room - n, "%s", lines[scene.shape.sides[i]]);
        if (scene.shape.sides[i] == SIDE_OT)
            n += (size_t) snprintf(out + n, room - n, "ot_transport=%s\n", scene.shape.tcp ? "tcp" : "udp");
    }
    n += (size_t) channels_conf(out + n, room - n);
    n += (size_t) house_conf(out + n, room - n);
    return n;
}

bool side_gives(struct side *s, uint64_t n, const char *text)
{
    char topic[32];

    switch (s->kind) {
    case SIDE_OT:
        if (!s->ot.greeted || !s->ot.informed || W.now_us - s->ot.heard_us >= 20 * SECOND)
            return false;
        traffic_given(s, n);
        ot_send(&s->ot, text);
        return true;
    case SIDE_MQTT:
        if (!broker_serves(&s->broker, "miio/10000/command"))
            return false;
        traffic_given(s, n);
        command_given_once(n);
        broker_publish(&s->broker, "miio/10000/command", text, strlen(text), 2, false);
        return true;
    case SIDE_ONENET:
        if (!broker_is_in(&s->broker, "4711"))
            return false;
        traffic_given(s, n);
        snprintf(topic, sizeof topic, "$creq/u%llu", (unsigned long long) n);
        broker_give(&s->broker, "4711", topic, text, strlen(text), 1);
        return true;
    case SIDE_GIZWITS:
        if (!gizwits_is_in(s->gizwits))
            return false;
        traffic_given(s, n);
        gizwits_give(s->gizwits, text, n % 2 ? (uint32_t) n : 0);
        return true;
    default:
        return false;
    }
}

bool side_is_in(const struct side *s)
{
    switch (s->kind) {
    case SIDE_OT:
        return s->ot.greeted && s->ot.informed;
    case SIDE_MQTT:
        return broker_serves(&s->broker, "miio/10000/command");
    case SIDE_ONENET:
        return broker_is_in(&s->broker, "4711");
    default:
        return gizwits_is_in(s->gizwits);
    }
}

uint64_t side_heard_us(const struct side *s)
{
    return s->kind == SIDE_OT ? s->ot.heard_us : s->broker.heard_us;
}

uint64_t side_connects(const struct side *s)
{
    return s->broker.n_connects + s->ot.n_connects;
}
