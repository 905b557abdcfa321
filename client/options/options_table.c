/* SPDX-License-Identifier: MIT */
/* The options by name, and the command line. */
#include "client/options/options_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"

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

enum { OWN_DAEMONIZE = N_OPTIONS, OWN_CONFIG, OWN_CHECK, OWN_ENCKEY, OWN_ENCDATA, OWN_NUMBER, OWN_WORD, N_ROWS };

/* Values are only collected here: what they may be is looked at when all sources have been read. */
static void make_rows(struct ag_option rows[N_ROWS])
{
    for (int i = 0; i < N_OPTIONS; i++)
        rows[i] = (struct ag_option){.name = option_infos[i].name, .letter = option_infos[i].letter};
    rows[OWN_DAEMONIZE] = (struct ag_option){.name = "daemonize", .letter = 'D', .kind = AG_OPTION_FLAG};
    rows[OWN_CONFIG] = (struct ag_option){.name = "config"};
    rows[OWN_CHECK] = (struct ag_option){.name = "check-config", .kind = AG_OPTION_FLAG};
    rows[OWN_ENCKEY] = (struct ag_option){.name = "enckey", .letter = 'e', .kind = AG_OPTION_FLAG};
    rows[OWN_ENCDATA] = (struct ag_option){.name = "encdata", .letter = 'E', .kind = AG_OPTION_FLAG};
    rows[OWN_NUMBER] = (struct ag_option){.letter = 'n'}; /* start scripts of newer vendor builds have them */
    rows[OWN_WORD] = (struct ag_option){.letter = 'o'};
}

struct reading {
    struct options *o;
    struct ag_option rows[N_ROWS];
};

static int take(void *user, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct reading *r = user;
    int which = (int) (row - r->rows);

    (void) reason;
    (void) n;
    if (which < N_OPTIONS)
        return options_take_value(r->o, which, value, FROM_COMMAND_LINE, 0) < 0 ? EXIT_FAILURE : 0;
    switch (which) {
    case OWN_DAEMONIZE:
        r->o->background = true;
        return 0;
    case OWN_CHECK:
        r->o->check_only = true;
        return 0;
    case OWN_CONFIG:
        free(r->o->config_file);
        r->o->config_file = strdup(value);
        return r->o->config_file ? 0 : EXIT_FAILURE;
    case OWN_NUMBER:
    case OWN_WORD:
        fprintf(stderr, "miio_client: -%c %s: the vendor's meaning is not public; ignored\n", row->letter, value);
        return 0;
    default:
        fprintf(stderr, "miio_client: -%c: the vendor's encrypted form of keys and data is not public; not available\n",
                row->letter);
        return AG_EXIT_USAGE;
    }
}

int options_read_command_line(struct options *o, int argc, char **argv)
{
    struct reading r = {.o = o};
    const struct ag_command_line line = {"miio_client", usage, r.rows, N_ROWS, AG_WORDS_NONE};

    make_rows(r.rows);
    return ag_command_line_each(&line, argc, argv, take, &r);
}
