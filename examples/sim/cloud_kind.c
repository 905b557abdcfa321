/* SPDX-License-Identifier: MIT */
/* miio_sim cloud --kind NAME: picks the stand-in. A new one adds its prototype in sim.h and its line here. */
#include <stdio.h>
#include <string.h>
#include "examples/sim/sim.h"

static const struct sim_command kinds[] = {
    {"ot", "Xiaomi's OT cloud over UDP and TCP", sim_cloud},
    {"onenet", "OneNET with $dp and $creq, in front of a real mosquitto", sim_cloud_onenet},
    {"mqtt", "the fleet's side of the mqtt cloud", sim_cloud_mqtt},
    {"gizwits", "Gizwits: HTTP and MQTT 3.1, with Apps", sim_cloud_gizwits},
    {NULL, NULL, NULL},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_sim cloud [--kind NAME] [options]\n\nkinds (each has --help):\n");
    for (size_t i = 0; kinds[i].name; i++)
        fprintf(f, "  %-16s %s\n", kinds[i].name, kinds[i].summary);
}

/* Takes "--kind NAME" or "--kind=NAME" out of the arguments. */
static const char *take_kind(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        int n = strcmp(argv[i], "--kind") == 0 && i + 1 < *argc ? 2 : strncmp(argv[i], "--kind=", 7) == 0 ? 1 : 0;
        const char *kind;

        if (n == 0)
            continue;
        kind = n == 2 ? argv[i + 1] : argv[i] + 7;
        memmove(&argv[i], &argv[i + n], (size_t) (*argc - i - n + 1) * sizeof *argv);
        *argc -= n;
        return kind;
    }
    return NULL;
}

int sim_cloud_kind(int argc, char **argv)
{
    const char *kind = take_kind(&argc, argv);

    if (!kind && argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage(stdout);
        return SIM_OK;
    }
    if (!kind)
        kind = "ot";
    for (size_t i = 0; kinds[i].name; i++) {
        if (strcmp(kinds[i].name, kind) == 0)
            return kinds[i].run(argc, argv);
    }
    fprintf(stderr, "miio_sim cloud: no kind \"%s\"\n", kind);
    usage(stderr);
    return SIM_USAGE;
}
