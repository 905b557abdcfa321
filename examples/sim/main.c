/* SPDX-License-Identifier: MIT */
/* miio_sim: picks the subcommand. A new stand-in adds its file, its prototype in sim.h and its line here. */
#include <stdio.h>
#include <string.h>
#include "examples/sim/sim.h"

static const struct sim_command commands[] = {
    {"mcu", "a microcontroller on a pseudo terminal", sim_mcu},
    {"cloud", "stand-in cloud: --kind ot (default), gizwits, onenet, mqtt", sim_cloud_kind},
    {"phone", "a phone on the LAN: hello, info, config_router, call", sim_phone},
    {"fleet", "many real clients, with applications, against MQTT brokers that exist", sim_fleet},
    {"device", "a device from its model: sensors that wander, switches that switch", sim_device},
    {NULL, NULL, NULL},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_sim COMMAND [options]\n\ncommands (each has --help):\n");
    for (size_t i = 0; commands[i].name; i++)
        fprintf(f, "  %-16s %s\n", commands[i].name, commands[i].summary);
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        usage(stdout);
        return SIM_OK;
    }
    if (argc > 1 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0)) {
        printf("miio_sim %s\n", MIIO_VERSION);
        return SIM_OK;
    }
    if (argc < 2) {
        usage(stderr);
        return SIM_USAGE;
    }
    for (size_t i = 0; commands[i].name; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "miio_sim: no command \"%s\"; see miio_sim --help\n", argv[1]);
    return SIM_USAGE;
}
