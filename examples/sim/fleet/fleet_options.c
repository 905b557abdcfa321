/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/sim.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

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

static int take_servers(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct fleet_options *o = to;

    (void) row;
    for (const char *p = value;;) {
        const char *why = "too many servers";
        char one[256];
        size_t len = strcspn(p, ",");

        if (o->n_servers == FLEET_SERVERS_MAX || len >= sizeof one) {
            snprintf(reason, n, "%s", why);
            return -EINVAL;
        }
        snprintf(one, sizeof one, "%.*s", (int) len, p);
        if (sim_endpoint_parse(one, 1883, &o->servers[o->n_servers++], &why) < 0) {
            snprintf(reason, n, "%s%s%s", len < strlen(value) ? one : "", len < strlen(value) ? ": " : "", why);
            return -EINVAL;
        }
        if (p[len] == '\0')
            return 0;
        p += len + 1;
    }
}

static int take_conf(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct fleet_options *o = to;

    (void) row;
    snprintf(reason, n, "one line, at most %d times", FLEET_CONF_MAX);
    if (o->n_conf == FLEET_CONF_MAX || strchr(value, '\n'))
        return -EINVAL;
    o->conf[o->n_conf++] = value;
    return 0;
}

#define NUMBER(text, member, least, most) SIM_NUMBER(text, struct fleet_options, member, least, most)

static const struct ag_option rows[] = {
    NUMBER("devices", devices, 1, FLEET_DEVICES_MAX), SIM_OWN("server", take_servers),
    NUMBER("rounds", rounds, 1, FLEET_ROUNDS_MAX),    NUMBER("reports", reports, 0, 1000),
    NUMBER("period", period_ms, 1, 600000),           NUMBER("commands", commands, 0, 1000),
    NUMBER("per-second", per_s, 0, 100000),           NUMBER("restart", restart_percent, 0, 100),
    NUMBER("patience", patience_s, 1, 3600),          SIM_TEXT("dir", struct fleet_options, dir),
    SIM_FLAG("clean", struct fleet_options, clean),   SIM_OWN("conf", take_conf),
};

int fleet_options_read(struct fleet_options *o, int argc, char **argv)
{
    int r;

    *o = (struct fleet_options){.reports = 5, .commands = 1, .rounds = 1, .period_ms = 1000, .per_s = 50, .patience_s = 60};
    r = sim_options("fleet", usage, rows, ag_array_size(rows), AG_WORDS_NONE, argc, argv, o);
    if (r < 0 && (o->devices == 0 || o->n_servers == 0 || o->rounds * o->reports > FLEET_REPORTS_MAX)) {
        usage(stderr);
        return SIM_USAGE;
    }
    return r;
}
