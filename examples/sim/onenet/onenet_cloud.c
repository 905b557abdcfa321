/* SPDX-License-Identifier: MIT */
/*
 * miio_sim cloud --kind onenet: options, life, standard input and journal of the stand-in.
 * Standard input: "cmd ID PAYLOAD" sends a command; "!big ID N" one of N bytes, "!raw ID HEX" bytes as they
 * are, "!drop ID" cuts the connection, "!stats".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/onenet/onenet_sim.h"
#include "examples/sim/sim.h"
#include "examples/sim/wire/endpoint.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

enum { BIG_MAX = 1 << 20 };

/* Queued messages are the platform's rule for offline topics: at most 10. */
static const char BROKER_CONF[] = "queue_qos0_messages true\nmax_queued_messages 10\nmax_inflight_messages 20\n"
                                  "persistent_client_expiration 2d\nset_tcp_nodelay true\n";

/* ---- the platform's own connection ---- */

static int open_link(struct onsim *s)
{
    static const struct sim_mqtt_ops ops = {NULL, NULL};

    return sim_mqtt_open(&s->link, &s->loop, ntohs(s->broker.sin_port), "onenet-platform", s->broker_user, s->broker_password,
                         NULL, &ops, s);
}

/* ---- standard input ---- */

static void send_big(struct onsim *s, struct onsim_device *d, unsigned long n)
{
    char *text = n <= BIG_MAX ? malloc(n + 1) : NULL;
    const char *uuid;

    if (!text)
        return;
    memset(text, 'x', n);
    onsim_command_add(s, d, (struct ag_span){text, n}, false, 0, &uuid);
    free(text);
}

static void on_line(void *user, char *line)
{
    struct onsim *s = user;
    char *verb = strtok(line, " "), *id = strtok(NULL, " "), *rest = strtok(NULL, "");
    struct onsim_device *d = id ? onsim_device_find(s, (struct ag_span){id, strlen(id)}) : NULL;
    const char *uuid = "";
    int r = 0;

    rest = rest ? rest : (char[]){""};
    if (verb && strcmp(verb, "!stats") == 0) {
        sim_note("stats", ",\"logins\":%llu,\"points\":%llu,\"bad_payloads\":%llu,\"refused\":%llu,\"answers\":%llu",
                 (unsigned long long) s->n_logins, (unsigned long long) s->n_points, (unsigned long long) s->n_dp_bad,
                 (unsigned long long) s->n_refused, (unsigned long long) s->n_answers);
        return;
    }
    if (!verb || !d) {
        fprintf(stderr, "miio_sim: not understood: %s\n", verb ? verb : "");
        return;
    }
    if (strcmp(verb, "cmd") == 0)
        r = onsim_command_add(s, d, (struct ag_span){rest, strlen(rest)}, false, 0, &uuid);
    else if (strcmp(verb, "!big") == 0)
        send_big(s, d, strtoul(rest, NULL, 10));
    else if (d->relay && strcmp(verb, "!raw") == 0)
        onsim_relay_raw(d->relay, (struct ag_span){rest, sim_from_hex(rest)});
    else if (d->relay && strcmp(verb, "!drop") == 0)
        onsim_relay_drop(d->relay);
    if (strcmp(verb, "cmd") == 0)
        sim_note(r == 0 ? "command" : "not_online", ",\"device\":\"%s\",\"uuid\":\"%s\"", id, uuid);
}

/* ---- life ---- */

static void stop(void *user)
{
    struct onsim *s = user;

    if (s->stopping)
        return;
    s->stopping = true;
    mqtt_door_close(&s->door);
    s->web = sim_web_stop(s->web);
    sim_mqtt_close(&s->link);
    sim_standin_stop(&s->standin);
}

static void usage(FILE *f)
{
    fputs("usage: miio_sim cloud --kind onenet --device ID:AUTH [--device ...] [options]\n\n"
          "  --device ID:AUTH     a device and its auth_info; may be given many times\n"
          "  --product ID         the product, 433223\n"
          "  --api-key KEY        for logins and HTTP, apikey\n"
          "  --listen ADDR:PORT   for devices, 127.0.0.1:0\n"
          "  --http PORT          for HTTP on 127.0.0.1, 0\n"
          "  --broker ADDR:PORT   an own mosquitto; otherwise one is started\n"
          "  --broker-login U:P   its login\n"
          "  --min-keepalive S    120\n\n"
          "standard input, one a line:\n"
          "  cmd ID PAYLOAD       a command for the device\n"
          "  !big ID N            one of N bytes\n"
          "  !raw ID HEX          bytes as they are, from the cloud's side\n"
          "  !drop ID   !stats    cut its connection; counters\n",
          f);
}

struct options {
    struct onsim *sim;
    struct sim_endpoint listen, broker;
    const char *product, *api_key;
    unsigned http, min_keepalive_s;
    bool has_broker;
};

static int take_device(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const char *colon = strchr(value, ':');

    (void) row;
    snprintf(reason, n, "must be ID:AUTH, the id in digits");
    if (!colon || colon == value || strspn(value, "0123456789") != (size_t) (colon - value))
        return -EINVAL;
    return onsim_device_add(((struct options *) to)->sim, value, (size_t) (colon - value), colon + 1);
}

static int take_login(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct onsim *s = ((struct options *) to)->sim;
    char *colon = strchr(value, ':');

    (void) row;
    snprintf(reason, n, "must be USER:PASSWORD");
    if (!colon)
        return -EINVAL;
    *colon = '\0';
    s->broker_user = value;
    s->broker_password = colon + 1;
    return 0;
}

static int take_endpoint(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct options *o = to;
    bool listen = strcmp(row->name, "listen") == 0;
    const char *why = "";

    if (listen && strcmp(value, "127.0.0.1:0") == 0)
        return 0;
    o->has_broker |= !listen;
    if (sim_endpoint_parse(value, listen ? 6002 : 1883, listen ? &o->listen : &o->broker, &why) == 0)
        return 0;
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static const struct ag_option rows[] = {
    SIM_OWN("device", take_device),
    SIM_TEXT("product", struct options, product),
    SIM_TEXT("api-key", struct options, api_key),
    SIM_OWN("listen", take_endpoint),
    SIM_NUMBER("http", struct options, http, 0, 65535),
    SIM_OWN("broker", take_endpoint),
    SIM_OWN("broker-login", take_login),
    SIM_NUMBER("min-keepalive", struct options, min_keepalive_s, 0, UINT_MAX),
};

/* -1: go on; else the exit code. */
static int parse_options(struct onsim *s, struct options *o, int argc, char **argv)
{
    int r = sim_options("cloud --kind onenet", usage, rows, ag_array_size(rows), AG_WORDS_NONE, argc, argv, o);

    if (r < 0 && ag_list_empty(&s->devices)) {
        usage(stderr);
        return SIM_USAGE;
    }
    s->product = o->product;
    s->api_key = o->api_key;
    s->min_keepalive_s = o->min_keepalive_s;
    return r;
}

static int start(struct onsim *s, const struct options *o)
{
    static const struct sim_standin_ops ops = {on_line, stop};
    struct sockaddr_in a;
    int len = sizeof a, r = 0;

    if (!o->has_broker)
        r = sim_broker_start(&s->child, BROKER_CONF);
    if (r < 0)
        return r;
    uv_ip4_addr(o->has_broker ? o->broker.host : "127.0.0.1", o->has_broker ? o->broker.port : s->child.port, &s->broker);
    onsim_relay_init(s);
    sim_standin_start(&s->standin, &s->loop, &ops, s);
    r = uv_ip4_addr(o->listen.host, o->listen.port, &a);
    if (r == 0)
        r = mqtt_door_listen(&s->door, (const struct sockaddr *) &a);
    if (r == 0)
        r = onsim_web_start(s, (uint16_t) o->http);
    if (r == 0)
        r = open_link(s);
    if (r < 0) {
        fprintf(stderr, "miio_sim: cannot start: %s\n", strerror(-r));
        return r;
    }
    uv_tcp_getsockname(&s->door.listener, (struct sockaddr *) &a, &len);
    printf("ready mqtt=%s:%u http=127.0.0.1:%u broker=127.0.0.1:%u\n", o->listen.host, ntohs(a.sin_port), sim_web_port(s->web),
           ntohs(s->broker.sin_port));
    fflush(stdout);
    return 0;
}

int sim_cloud_onenet(int argc, char **argv)
{
    struct onsim s = {0};
    struct options o = {.sim = &s, .listen = {"127.0.0.1", 0}, .product = "433223", .api_key = "apikey", .min_keepalive_s = 120};
    int r;

    ag_list_init(&s.devices);
    ag_list_init(&s.commands);
    ag_list_init(&s.topics);
    uv_loop_init(&s.loop);
    r = parse_options(&s, &o, argc, argv);
    if (r < 0) {
        r = start(&s, &o);
        if (r < 0 && uv_loop_alive(&s.loop))
            stop(&s);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        sim_broker_stop(&s.child);
        r = r < 0 ? SIM_RUNTIME : SIM_OK;
    }
    onsim_state_free(&s);
    uv_loop_close(&s.loop);
    return r;
}
