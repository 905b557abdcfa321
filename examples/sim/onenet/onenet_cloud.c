/* SPDX-License-Identifier: MIT */
/*
 * miio_sim cloud --kind onenet: options, life, standard input and journal of the stand-in.
 * Standard input: "cmd ID PAYLOAD" brings a command; "!big ID N" one of N bytes, "!raw ID HEX" bytes as they
 * are, "!drop ID" cuts the connection, "!stats".
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/onenet/onenet_sim.h"
#include "examples/sim/sim.h"
#include "examples/sim/wire/endpoint.h"

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
    struct sim_endpoint listen, broker;
    uint16_t http;
    bool has_broker;
};

static int add_device(struct onsim *s, const char *text)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text || strspn(text, "0123456789") != (size_t) (colon - text))
        return -EINVAL;
    return onsim_device_add(s, text, (size_t) (colon - text), colon + 1);
}

static int take_login(struct onsim *s, char *text)
{
    char *colon = strchr(text, ':');

    if (!colon)
        return -EINVAL;
    *colon = '\0';
    s->broker_user = text;
    s->broker_password = colon + 1;
    return 0;
}

static int take_option(struct onsim *s, struct options *o, int c)
{
    const char *why = "not understood";
    int r = 0;

    switch (c) {
    case 'd':
        r = add_device(s, optarg);
        break;
    case 'p':
        s->product = optarg;
        break;
    case 'k':
        s->api_key = optarg;
        break;
    case 'l':
        if (strcmp(optarg, "127.0.0.1:0") != 0)
            r = sim_endpoint_parse(optarg, 6002, &o->listen, &why);
        break;
    case 'w':
        o->http = (uint16_t) atoi(optarg);
        break;
    case 'b':
        r = sim_endpoint_parse(optarg, 1883, &o->broker, &why);
        o->has_broker = true;
        break;
    case 'u':
        r = take_login(s, optarg);
        break;
    case 'm':
        s->min_keepalive_s = (unsigned) atoi(optarg);
        break;
    default:
        return -EINVAL;
    }
    if (r < 0)
        fprintf(stderr, "miio_sim: %s: %s\n", optarg, why);
    return r;
}

static int parse_options(struct onsim *s, struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"device", 1, NULL, 'd'}, {"product", 1, NULL, 'p'}, {"api-key", 1, NULL, 'k'},      {"listen", 1, NULL, 'l'},
        {"http", 1, NULL, 'w'},   {"broker", 1, NULL, 'b'},  {"broker-login", 1, NULL, 'u'}, {"min-keepalive", 1, NULL, 'm'},
        {"help", 0, NULL, 'h'},   {NULL, 0, NULL, 0},
    };
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return 1;
        }
        if (take_option(s, o, c) < 0)
            return -EINVAL;
    }
    if (optind < argc || ag_list_empty(&s->devices)) {
        usage(stderr);
        return -EINVAL;
    }
    return 0;
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
        r = onsim_web_start(s, o->http);
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
    struct onsim s = {.product = "433223", .api_key = "apikey", .min_keepalive_s = 120};
    struct options o = {.listen = {"127.0.0.1", 0}};
    int r;

    ag_list_init(&s.devices);
    ag_list_init(&s.commands);
    ag_list_init(&s.topics);
    uv_loop_init(&s.loop);
    r = parse_options(&s, &o, argc, argv);
    if (r == 0) {
        r = start(&s, &o);
        if (r < 0 && uv_loop_alive(&s.loop))
            stop(&s);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        sim_broker_stop(&s.child);
        r = r < 0 ? SIM_RUNTIME : SIM_OK;
    } else {
        r = r > 0 ? SIM_OK : SIM_USAGE;
    }
    onsim_state_free(&s);
    uv_loop_close(&s.loop);
    return r;
}
