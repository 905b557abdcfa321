/* SPDX-License-Identifier: MIT */
/* The options: names, values, help, and the command line. */
#include "client/options/options_priv.h"
#include "libagent/core/log/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/access/access_file.h"
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"

/* ---- what a value may be ---- */

/* For options of the ot cloud: they go into device.conf, from where its own code reads them. */
static int only_number(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    uint64_t ignored;

    (void) to;
    return ag_option_number(value, row->least, row->most, &ignored, reason, n);
}

static int set_mib(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    uint64_t mib;

    if (ag_option_number(value, row->least, row->most, &mib, reason, n) < 0)
        return -EINVAL;
    ((struct options *) to)->client.memory_limit = (size_t) mib << 20;
    return 0;
}

/* The words are in the help; the field, if there is one, is true for the second one. */
static int set_word(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const char *words = ((const struct option_info *) row)->argument, *second = strchr(words, '|') + 1;
    size_t len = (size_t) (second - 1 - words);
    bool is_second = strcmp(value, second) == 0;

    if (!is_second && (strlen(value) != len || memcmp(value, words, len) != 0)) {
        snprintf(reason, n, "must be %.*s or %s", (int) len, words, second);
        return -EINVAL;
    }
    if (row->size > 0)
        *(bool *) ((char *) to + row->at) = is_second;
    return 0;
}

static int set_addr(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct ag_addr *addr = (struct ag_addr *) ((char *) to + row->at);
    bool none_allowed = strcmp(((const struct option_info *) row)->argument, "ADDR:PORT|none") == 0;
    const char *why;

    if (ag_addr_parse(value, addr, &why) < 0)
        snprintf(reason, n, "%s", why);
    else if (addr->kind != AG_ADDR_INET && !(none_allowed && addr->kind == AG_ADDR_NONE))
        snprintf(reason, n, none_allowed ? "must be ADDR:PORT or none" : "must be ADDR:PORT");
    else
        return 0;
    return -EINVAL;
}

static int set_ble(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const struct ag_addr *ble = &((struct options *) to)->client.ble;

    if (set_addr(to, row, value, reason, n) < 0)
        return -EINVAL;
    if (ble->kind != AG_ADDR_INET || ag_addr_is_local(ble))
        return 0;
    snprintf(reason, n, "must be on loopback: its texts are not encrypted");
    return -EINVAL;
}

/* Port 0 is none. */
static int set_mqtt_api(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    const char *why;

    (void) row;
    if (strcmp(value, "none") == 0 || endpoint_parse(value, 1883, &((struct options *) to)->client.mqtt_api, &why) == 0)
        return 0;
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static int set_user(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct client_options *c = &((struct options *) to)->client;

    (void) row;
    c->has_agent_user = true;
    if (ag_access_user(value, &c->agent_uid) == 0)
        return 0;
    snprintf(reason, n, "no such user");
    return -EINVAL;
}

static int set_country(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    char word[DEVICE_COUNTRY_MAX + 1];

    (void) row;
    ((struct options *) to)->client.country = value;
    if (!*value || (!strpbrk(value, " \t\r\n") && device_country_parse(word, (struct ag_span){value, strlen(value)})))
        return 0;
    snprintf(reason, n, "must be one word of letters and digits, at most %d", DEVICE_COUNTRY_MAX);
    return -EINVAL;
}

static int set_hooks(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    ((struct options *) to)->client.hooks = value;
    if (access(value, X_OK) == 0)
        return 0;
    snprintf(reason, n, "%s", strerror(errno));
    return -EINVAL;
}

static int set_text(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) reason;
    (void) n;
    memcpy((char *) to + row->at, &value, row->size);
    return 0;
}

/* ---- the table ---- */

#define AT(member)               AG_OPTION_FIELD(struct options, member)
#define NUMBER(member, min, max) .kind = AG_OPTION_NUMBER, AT(member), .least = min, .most = max
#define TEXT(member)             .set = set_text, AT(member)

/* Without .set: checked by whoever reads it. */
const struct option_info option_infos[N_OPTIONS] = {
    [OPT_DATADIR] = {{"datadir", NULL, 'd'}, "DIR", "data directory (/etc/miio)"},
    [OPT_LOGLEVEL] = {{"loglevel", "loglevel", 'l', NUMBER(log_level, 0, 4)}, "0..4", "error, warning, info (2), debug, verbose"},
    [OPT_LOGFILE] = {{"logfile", NULL, 'L', TEXT(log_file)}, "FILE", "append the log to FILE"},
    [OPT_CLOUD] = {{"cloud", "cloud"}, "NAME[,NAME]", "ot, gizwits, onenet, mqtt, the primary first; none (ot)"},
    [OPT_MODEL] = {{"model", DEVICE_CONF_MODEL_FILE}, "FILE", "the device's model, a MIoT-Spec instance (none)"},
    [OPT_HOST] = {{"host", "ot_host", 'H'}, "HOST", "server of the ot cloud"},
    [OPT_PORT] = {{"port", "ot_port", 'p', .set = only_number, .least = 1, .most = 65535}, "PORT", "its port"},
    [OPT_TRANSPORT] = {{"transport", "ot_transport", .set = set_word}, "udp|tcp", "how to reach it"},
    [OPT_INTERVAL] = {{"interval", "ot_interval", 'i', .set = only_number, .least = 1000, .most = 86400000},
                      "MS",
                      "period of _otc.info (1800000)"},
    [OPT_COUNTRY] = {{"dcountry", "country", 'C', .set = set_country}, "CC", "country prefix of the server's name"},
    [OPT_LOCAL] = {{"local", "local", .set = set_addr, AT(client.local)},
                   "ADDR:PORT",
                   "where applications connect (127.0.0.1:54322)"},
    [OPT_LAN] = {{"lan", "lan", .set = set_addr, AT(client.lan)}, "ADDR:PORT|none", "where phones connect, UDP (0.0.0.0:54321)"},
    [OPT_BLE] = {{"ble", "ble", .set = set_ble, AT(client.ble)},
                 "ADDR:PORT|none",
                 "Bluetooth provisioning, UDP (127.0.0.1:54323)"},
    [OPT_MQTT_API] = {{"mqtt-api", "mqtt_api", .set = set_mqtt_api}, "HOST:PORT|none", "broker for the MQTT API (none)"},
    [OPT_ACCESS] = {{"access", "access", TEXT(client.access_file)},
                    "FILE",
                    "who may do what; the same file as the agent's (none: everybody all)"},
    [OPT_AGENT_USER] = {{"agent-user", "agent_user", .set = set_user},
                        "USER",
                        "the agent's, when it is not root or the client's own"},
    [OPT_HELPER] = {{"helper", "helper", .set = set_word, AT(client.external_helper)},
                    "builtin|external",
                    "who joins Wi-Fi and keeps files (builtin)"},
    [OPT_HOOKS] = {{"hooks", "hooks", .set = set_hooks},
                   "DIR",
                   "hook programs of the builtin helper (data directory, then share/miio)"},
    [OPT_PROVISIONING] = {{"provisioning", "provisioning", .set = set_word, AT(client.wired)},
                          "wifi|none",
                          "none: the network is there without a phone's help"},
    [OPT_OS_RELEASE] = {{"os-release", "os_release", TEXT(client.os_release)},
                        "FILE",
                        "holds the firmware version (/etc/os-release)"},
    [OPT_COMMAND_TIMEOUT] = {{"command-timeout", "command_timeout", NUMBER(client.command_timeout_ms, 100, 600000)},
                             "MS",
                             "for an application's answer (4000)"},
    [OPT_COMMAND_GRACE] = {{"command-grace", "command_grace", NUMBER(client.command_grace_ms, 0, 60000)},
                           "MS",
                           "commands wait for applications that are about to come (1000)"},
    [OPT_REQUEST_TIMEOUT] = {{"request-timeout", "request_timeout", NUMBER(client.request_timeout_ms, 100, 3600000)},
                             "MS",
                             "for the cloud's answer (30000)"},
    [OPT_MEMORY_LIMIT] = {{"memory-limit", "memory_limit", .set = set_mib, .least = 4, .most = 1024},
                          "MIB",
                          "what all peers together make it keep (16)"},
    [OPT_JOIN_TRIES] = {{"join-tries", "join_tries", NUMBER(client.join_tries, 1, 100)},
                        "N",
                        "of a Wi-Fi network before giving up (5)"},
    [OPT_JOIN_PAUSE] = {{"join-pause", "join_pause", NUMBER(client.join_pause_ms, 0, 600000)}, "MS", "between them (3000)"},
    [OPT_IDENTITY_PAUSE] = {{"identity-pause", "identity_pause", NUMBER(client.identity_pause_ms, 100, 86400000)},
                            "MS",
                            "between two requests of a did (by did 0, 1)"},
    [OPT_LAN_STAMP_WINDOW] = {{"lan-stamp-window", "lan_stamp_window", NUMBER(client.lan_stamp_window_s, 0, 1000000000)},
                              "S",
                              "how far a phone's stamp may be off; 0: any (86400)"},
    [OPT_TELL_ORIGIN] = {{"tell-origin", "tell_origin", .set = set_word, AT(client.tells_origin)},
                         "off|on",
                         "applications see where a command came from (off)"},
};

int options_set(struct options *o, int name, char *reason, size_t n)
{
    const struct ag_option *row = &option_infos[name].row;
    const char *text = o->values[name].text;

    return text && (row->set || row->kind != AG_OPTION_OWN) ? ag_option_set(row, o, text, reason, n) : 0;
}

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_client [options]\n\n"
               "  -D, --daemonize                    go into the background\n");
    for (int i = 0; i < N_OPTIONS; i++) {
        char left[64];

        snprintf(left, sizeof left, "%c%c%c --%s %s", option_infos[i].row.letter ? '-' : ' ',
                 option_infos[i].row.letter ? option_infos[i].row.letter : ' ', option_infos[i].row.letter ? ',' : ' ',
                 option_infos[i].row.name, option_infos[i].argument);
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

/* Values are only collected here; they are checked when all sources have been read. */
static void make_rows(struct ag_option rows[N_ROWS])
{
    for (int i = 0; i < N_OPTIONS; i++)
        rows[i] = (struct ag_option){.name = option_infos[i].row.name, .letter = option_infos[i].row.letter};
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
        ag_log_refusal("miio_client", "-%c: the vendor's encrypted form of keys and data is not public; not available",
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
