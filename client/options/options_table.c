/* SPDX-License-Identifier: MIT */
/* The options by name, and the command line. */
#include "client/options/options_priv.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/io/program.h"

enum { FIRST_LONG = 256 };

/* What getopt returns for options that are no values. */
enum { LONG_CONFIG = FIRST_LONG + N_OPTIONS, LONG_CHECK };

const struct option_info option_infos[N_OPTIONS] = {
    [OPT_DATADIR] = {"datadir", NULL, 'd', "DIR", "data directory (/etc/miio)"},
    [OPT_LOGLEVEL] = {"loglevel", "loglevel", 'l', "0..4", "error, warning, info (2), debug, verbose"},
    [OPT_LOGFILE] = {"logfile", NULL, 'L', "FILE", "append the log to FILE"},
    [OPT_CLOUD] = {"cloud", "cloud", 0, "NAME[,NAME]", "ot, gizwits, onenet, mqtt, the primary first; none (ot)"},
    [OPT_MODEL] = {"model", DEVICE_CONF_MODEL_FILE, 0, "FILE", "the device's model, a MIoT-Spec instance (none)"},
    [OPT_HOST] = {"host", "ot_host", 'H', "HOST", "server of the ot cloud"},
    [OPT_PORT] = {"port", "ot_port", 'p', "PORT", "its port"},
    [OPT_TRANSPORT] = {"transport", "ot_transport", 0, "udp|tcp", "how to reach it"},
    [OPT_INTERVAL] = {"interval", "ot_interval", 'i', "MS", "period of _otc.info (1800000)"},
    [OPT_COUNTRY] = {"dcountry", "country", 'C', "CC", "country prefix of the server's name"},
    [OPT_LOCAL] = {"local", "local", 0, "ADDR:PORT", "where applications connect (127.0.0.1:54322)"},
    [OPT_LAN] = {"lan", "lan", 0, "ADDR:PORT|none", "where phones connect, UDP (0.0.0.0:54321)"},
    [OPT_BLE] = {"ble", "ble", 0, "ADDR:PORT|none", "Bluetooth provisioning, UDP (127.0.0.1:54323)"},
    [OPT_MQTT_API] = {"mqtt-api", "mqtt_api", 0, "HOST:PORT|none", "broker for the MQTT API (none)"},
    [OPT_ACCESS] = {"access", "access", 0, "FILE", "who may do what; the same file as the agent's (none: everybody all)"},
    [OPT_AGENT_USER] = {"agent-user", "agent_user", 0, "USER", "the agent's, when it is not root or the client's own"},
    [OPT_HELPER] = {"helper", "helper", 0, "builtin|external", "who joins Wi-Fi and keeps files (builtin)"},
    [OPT_HOOKS] = {"hooks", "hooks", 0, "DIR", "hook programs of the builtin helper (data directory, then share/miio)"},
    [OPT_PROVISIONING] = {"provisioning", "provisioning", 0, "wifi|none", "none: the network is there without a phone's help"},
    [OPT_OS_RELEASE] = {"os-release", "os_release", 0, "FILE", "holds the firmware version (/etc/os-release)"},
    [OPT_COMMAND_TIMEOUT] = {"command-timeout", "command_timeout", 0, "MS", "for an application's answer (4000)"},
    [OPT_COMMAND_GRACE] = {"command-grace", "command_grace", 0, "MS",
                           "commands wait for applications that are about to come (1000)"},
    [OPT_REQUEST_TIMEOUT] = {"request-timeout", "request_timeout", 0, "MS", "for the cloud's answer (30000)"},
    [OPT_MEMORY_LIMIT] = {"memory-limit", "memory_limit", 0, "MIB", "what all peers together make it keep (16)"},
    [OPT_JOIN_TRIES] = {"join-tries", "join_tries", 0, "N", "of a Wi-Fi network before giving up (5)"},
    [OPT_JOIN_PAUSE] = {"join-pause", "join_pause", 0, "MS", "between them (3000)"},
    [OPT_IDENTITY_PAUSE] = {"identity-pause", "identity_pause", 0, "MS", "between two requests of a did (by did 0, 1)"},
    [OPT_LAN_STAMP_WINDOW] = {"lan-stamp-window", "lan_stamp_window", 0, "S",
                              "how far a phone's stamp may be off; 0: any (86400)"},
    [OPT_TELL_ORIGIN] = {"tell-origin", "tell_origin", 0, "off|on", "applications see where a command came from (off)"},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_client [options]\n\n"
               "  -D, --daemonize                    go into the background\n");
    for (int i = 0; i < N_OPTIONS; i++) {
        char left[64];

        snprintf(left, sizeof left, "%c%c%c --%s %s", option_infos[i].letter ? '-' : ' ',
                 option_infos[i].letter ? option_infos[i].letter : ' ', option_infos[i].letter ? ',' : ' ', option_infos[i].name,
                 option_infos[i].argument);
        fprintf(f, "  %-36s %s\n", left, option_infos[i].help);
    }
    fprintf(f, "      --config FILE                    options as \"name = value\" lines\n"
               "      --check-config                   check everything, start nothing\n"
               "  -e, -E                               the vendor's encrypted forms: not available, refused\n"
               "  -n NUMBER, -o WORD                   of newer vendor builds: accepted with a warning and ignored\n"
               "  -v, --version\n"
               "  -h, --help\n");
}

/* ---- the command line ---- */

static void make_getopt_tables(struct option longs[N_OPTIONS + 8], char shorts[64])
{
    size_t n = 0, s = 0;

    shorts[s++] = ':'; /* so that a missing value is told apart */
    for (int i = 0; i < N_OPTIONS; i++) {
        int val = option_infos[i].letter ? option_infos[i].letter : FIRST_LONG + i;

        longs[n++] = (struct option){option_infos[i].name, required_argument, NULL, val};
        if (option_infos[i].letter) {
            shorts[s++] = option_infos[i].letter;
            shorts[s++] = ':';
        }
    }
    longs[n++] = (struct option){"daemonize", no_argument, NULL, 'D'};
    longs[n++] = (struct option){"enckey", no_argument, NULL, 'e'};
    longs[n++] = (struct option){"encdata", no_argument, NULL, 'E'};
    longs[n++] = (struct option){"version", no_argument, NULL, 'v'};
    longs[n++] = (struct option){"help", no_argument, NULL, 'h'};
    longs[n++] = (struct option){"config", required_argument, NULL, LONG_CONFIG};
    longs[n++] = (struct option){"check-config", no_argument, NULL, LONG_CHECK};
    longs[n] = (struct option){0};
    memcpy(shorts + s, "DeEvhn:o:", sizeof "DeEvhn:o:");
}

static int name_of(int opt)
{
    if (opt >= FIRST_LONG && opt < FIRST_LONG + N_OPTIONS)
        return opt - FIRST_LONG;
    for (int i = 0; i < N_OPTIONS; i++) {
        if (option_infos[i].letter && option_infos[i].letter == opt)
            return i;
    }
    return -1;
}

/* -1: go on; else the exit code. */
static int take_option(struct options *o, int opt)
{
    int name = name_of(opt);

    if (name >= 0)
        return options_take_value(o, name, optarg, FROM_COMMAND_LINE, 0) < 0 ? EXIT_FAILURE : -1;
    switch (opt) {
    case 'D':
        o->background = true;
        return -1;
    case LONG_CHECK:
        o->check_only = true;
        return -1;
    case LONG_CONFIG:
        free(o->config_file);
        o->config_file = strdup(optarg);
        return o->config_file ? -1 : EXIT_FAILURE;
    case 'v':
        puts("miio_client " MIIO_VERSION);
        return EXIT_SUCCESS;
    case 'h':
        usage(stdout);
        return EXIT_SUCCESS;
    case 'n': /* start scripts of newer vendor builds have them */
    case 'o':
        fprintf(stderr, "miio_client: -%c %s: the vendor's meaning is not public; ignored\n", opt, optarg);
        return -1;
    case 'e':
    case 'E':
        fprintf(stderr, "miio_client: -%c: the vendor's encrypted form of keys and data is not public; not available\n", opt);
        return AG_EXIT_USAGE;
    default:
        return AG_EXIT_USAGE;
    }
}

static int complain_option(int opt, const char *written)
{
    if (optopt > 0 && optopt < FIRST_LONG)
        fprintf(stderr, "miio_client: -%c: ", optopt);
    else
        fprintf(stderr, "miio_client: %s: ", written);
    fprintf(stderr, "%s; see miio_client --help\n", opt == ':' ? "needs a value" : "unknown option");
    return AG_EXIT_USAGE;
}

int options_read_command_line(struct options *o, int argc, char **argv)
{
    struct option longs[N_OPTIONS + 8];
    char shorts[64];
    int opt, code;

    opterr = 0;
    make_getopt_tables(longs, shorts);
    while ((opt = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        code = opt == '?' || opt == ':' ? complain_option(opt, argv[optind - 1]) : take_option(o, opt);
        if (code >= 0)
            return code;
    }
    if (optind < argc) {
        fprintf(stderr, "miio_client: unexpected argument \"%s\"\n", argv[optind]);
        return AG_EXIT_USAGE;
    }
    return -1;
}
