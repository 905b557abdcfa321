/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/sim.h"

static void usage(FILE *out)
{
    fputs("usage: miio_sim fleet --devices N --server HOST:PORT[,HOST:PORT...] [options]\n\n"
          "Runs N real clients, each with an application, against MQTT brokers that exist, and counts.\n\n"
          "  --devices N      how many, 1 to 20000\n"
          "  --server LIST    the brokers; device i begins with the i-th and goes on round the list\n"
          "  --rounds N       1; each ends when all is counted, or after --patience\n"
          "  --reports N      5, of each device in a round\n"
          "  --period MS      1000, between two reports of a device\n"
          "  --commands N     1, to each device in a round\n"
          "  --per-second N   50 devices are opened each second; 0: all at once, a cold start\n"
          "  --restart P      0 percent of the devices are restarted at the beginning of each round\n"
          "  --clean          sessions end with their connection; else the broker keeps them\n"
          "  --patience S     60, for what is still on its way\n"
          "  --conf LINE      a further line of each device.conf, such as mqtt_command_qos=0; up to 8 times\n"
          "  --dir DIR        where the devices' folders are; else a temporary one, removed at the end\n\n"
          "Ends with 0 when every report was heard and every command answered.\n",
          out);
}

static bool take_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || v < min || v > max) {
        fprintf(stderr, "miio_sim: %s: a number from %u to %u\n", text, min, max);
        return false;
    }
    *out = (unsigned) v;
    return true;
}

static bool take_servers(struct fleet_options *o, char *list)
{
    char *save;

    for (char *one = strtok_r(list, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        const char *why = "too many servers";

        if (o->n_servers == FLEET_SERVERS_MAX || sim_endpoint_parse(one, 1883, &o->servers[o->n_servers++], &why) < 0) {
            fprintf(stderr, "miio_sim: --server %s: %s\n", one, why);
            return false;
        }
    }
    return o->n_servers > 0;
}

static bool take_option(struct fleet_options *o, int c)
{
    switch (c) {
    case 'n':
        return take_number(optarg, 1, FLEET_DEVICES_MAX, &o->devices);
    case 's':
        return take_servers(o, optarg);
    case 'r':
        return take_number(optarg, 1, FLEET_ROUNDS_MAX, &o->rounds);
    case 'k':
        return take_number(optarg, 0, 1000, &o->reports);
    case 'p':
        return take_number(optarg, 1, 600000, &o->period_ms);
    case 'c':
        return take_number(optarg, 0, 1000, &o->commands);
    case 'l':
        return take_number(optarg, 0, 100000, &o->per_s);
    case 'x':
        return take_number(optarg, 0, 100, &o->restart_percent);
    case 'w':
        return take_number(optarg, 1, 3600, &o->patience_s);
    case 'd':
        o->dir = optarg;
        return true;
    case 'C':
        o->clean = true;
        return true;
    case 'L':
        if (o->n_conf == FLEET_CONF_MAX || strchr(optarg, '\n')) {
            fprintf(stderr, "miio_sim: --conf %s: one line, at most %d times\n", optarg, FLEET_CONF_MAX);
            return false;
        }
        o->conf[o->n_conf++] = optarg;
        return true;
    default:
        return false;
    }
}

int fleet_options_read(struct fleet_options *o, int argc, char **argv)
{
    static const struct option longs[] = {{"devices", 1, NULL, 'n'},    {"server", 1, NULL, 's'},  {"rounds", 1, NULL, 'r'},
                                          {"reports", 1, NULL, 'k'},    {"period", 1, NULL, 'p'},  {"commands", 1, NULL, 'c'},
                                          {"per-second", 1, NULL, 'l'}, {"restart", 1, NULL, 'x'}, {"patience", 1, NULL, 'w'},
                                          {"dir", 1, NULL, 'd'},        {"clean", 0, NULL, 'C'},   {"conf", 1, NULL, 'L'},
                                          {"help", 0, NULL, 'h'},       {NULL, 0, NULL, 0}};
    int c;

    *o = (struct fleet_options){.reports = 5, .commands = 1, .rounds = 1, .period_ms = 1000, .per_s = 50, .patience_s = 60};
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return SIM_OK + 1;
        }
        if (!take_option(o, c))
            return SIM_USAGE + 1;
    }
    if (o->devices == 0 || o->n_servers == 0 || optind < argc || o->rounds * o->reports > FLEET_REPORTS_MAX) {
        usage(stderr);
        return SIM_USAGE + 1;
    }
    return 0;
}
