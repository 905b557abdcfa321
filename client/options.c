/* SPDX-License-Identifier: MIT */
#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "client/device/core/conf_keys.h"
#include "client/report/core/report_policy.h"
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "libagent/model/core/spec.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78, REASON_MAX = 256, FIRST_LONG = 256 };

/* What getopt returns for options that are no values. */
enum { LONG_CONFIG = FIRST_LONG + N_OPTIONS, LONG_CHECK };

struct option_info {
    const char *name;
    const char *key; /* in device.conf; NULL: not there */
    char letter;     /* 0: none */
    const char *argument, *help;
};

static const struct option_info infos[N_OPTIONS] = {
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

        snprintf(left, sizeof left, "%c%c%c --%s %s", infos[i].letter ? '-' : ' ', infos[i].letter ? infos[i].letter : ' ',
                 infos[i].letter ? ',' : ' ', infos[i].name, infos[i].argument);
        fprintf(f, "  %-36s %s\n", left, infos[i].help);
    }
    fprintf(f, "      --config FILE                    options as \"name = value\" lines\n"
               "      --check-config                   check everything, start nothing\n"
               "  -e, -E                               the vendor's encrypted forms: not available, refused\n"
               "  -n NUMBER, -o WORD                   of newer vendor builds: accepted with a warning and ignored\n"
               "  -v, --version\n"
               "  -h, --help\n");
}

/* ---- collecting ---- */

static int take_value(struct options *o, int name, const char *text, enum option_source source, int line)
{
    struct option_value *v = &o->values[name];
    char *copy;

    if (v->text && v->source > source)
        return 0;
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(v->text);
    *v = (struct option_value){copy, source, line};
    return 0;
}

static int on_config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    struct options *o = user;

    if (item->section[0]) {
        snprintf(reason, n, "sections are not used here");
        return -EINVAL;
    }
    for (int i = 0; i < N_OPTIONS; i++) {
        if (strcmp(infos[i].name, item->name) == 0)
            return take_value(o, i, item->value, FROM_CONFIG_FILE, item->line);
    }
    return -EINVAL;
}

static int take_device_conf(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const char *value = infos[i].key ? device_conf_get(&o->conf, infos[i].key) : NULL;

        if (value && take_value(o, i, value, FROM_DEVICE_CONF, (int) device_conf_line(&o->conf, infos[i].key)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* The clouds look into device.conf only: what was given elsewhere is put there. */
static int give_device_conf(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option_value *v = &o->values[i];

        if (infos[i].key && v->text && (v->source > FROM_DEVICE_CONF || i == OPT_MODEL /* absolute by now */) &&
            device_conf_set(&o->conf, infos[i].key, v->text) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- checking ---- */

static int ag_printf_like(3, 4) complain(const struct options *o, int name, const char *fmt, ...)
{
    const struct option_value *v = &o->values[name];
    char reason[REASON_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    if (v->source == FROM_COMMAND_LINE)
        fprintf(stderr, "miio_client: --%s %s: %s\n", infos[name].name, v->text, reason);
    else if (v->source == FROM_CONFIG_FILE)
        fprintf(stderr, "miio_client: %s:%d: %s: %s\n", o->config_file, v->line, infos[name].name, reason);
    else
        fprintf(stderr, "miio_client: %s%s:%d: %s: %s\n", o->client.dir.path, DATA_CONF, v->line, infos[name].key, reason);
    return v->source == FROM_COMMAND_LINE ? EXIT_USAGE : EXIT_CONFIG;
}

static int take_number(const struct options *o, int name, long min, long max, long fallback, long *out)
{
    const char *text = o->values[name].text;
    char *end;

    *out = fallback;
    if (!text)
        return 0;
    errno = 0;
    *out = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end || *out < min || *out > max)
        return complain(o, name, "must be a number from %ld to %ld", min, max);
    return 0;
}

static int take_addr(const struct options *o, int name, const char *fallback, bool none_allowed, struct ag_addr *out)
{
    const char *text = o->values[name].text, *reason;

    if (ag_addr_parse(text ? text : fallback, out, &reason) < 0)
        return complain(o, name, "%s", reason);
    if (out->kind != AG_ADDR_INET && !(none_allowed && out->kind == AG_ADDR_NONE))
        return complain(o, name, none_allowed ? "must be ADDR:PORT or none" : "must be ADDR:PORT");
    return 0;
}

/* One of two words: *second_out tells whether it is the second one. */
static int take_word(const struct options *o, int name, const char *first, const char *second, bool *second_out)
{
    const char *text = o->values[name].text;

    *second_out = text && strcmp(text, second) == 0;
    if (text && !*second_out && strcmp(text, first) != 0)
        return complain(o, name, "must be %s or %s", first, second);
    return 0;
}

/* The broker of the MQTT API; port 0 is none. */
static int take_mqtt_api(struct options *o)
{
    const char *text = o->values[OPT_MQTT_API].text, *why;

    if (!text || strcmp(text, "none") == 0)
        return 0;
    if (endpoint_parse(text, 1883, &o->client.mqtt_api, &why) == 0)
        return 0;
    return complain(o, OPT_MQTT_API, "%s", why);
}

static int check_model(const struct options *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    const char *file = o->values[OPT_MODEL].text;
    struct model_error error;
    struct model m;
    int r = file && *file ? ag_file_read(file, MODEL_TEXT_MAX, &text) : 1;

    if (r == 1)
        return 0;
    if (r < 0)
        return complain(o, OPT_MODEL, "%s", strerror(-r));
    r = ag_model_parse(&m, ag_buf_span(&text), &error);
    if (r < 0)
        return r == -ENOMEM ? complain(o, OPT_MODEL, "out of memory")
                            : complain(o, OPT_MODEL, "line %u: %s", error.line, error.why);
    ag_model_deinit(&m);
    return 0;
}

static int check_access(struct options *o)
{
    const char *file = o->values[OPT_ACCESS].text, *user = o->values[OPT_AGENT_USER].text;
    char error[AG_INI_ERROR_MAX];
    struct ag_access rules;
    int r = 0;

    if (user && ag_access_user(user, &o->client.agent_uid) < 0)
        return complain(o, OPT_AGENT_USER, "no such user");
    o->client.has_agent_user = user != NULL;
    o->client.access_file = file;
    ag_access_init(&rules, geteuid());
    if (file)
        r = ag_access_read(&rules, file, error);
    ag_access_deinit(&rules);
    if (r >= 0)
        return 0;
    fprintf(stderr, "miio_client: %s\n", error);
    return EXIT_CONFIG;
}

/* The line of the key that a cloud's complaint begins with; 0: it names none that stands in the file. */
static unsigned line_of_complaint(const struct options *o, const char *why)
{
    char key[64];

    snprintf(key, sizeof key, "%.*s", (int) strcspn(why, " :="), why);
    return device_conf_line(&o->conf, key);
}

static int complain_conf(const struct options *o, unsigned line, const char *why)
{
    char at[16] = "";

    if (line > 0)
        snprintf(at, sizeof at, ":%u", line);
    fprintf(stderr, "miio_client: %s%s%s: %s\n", o->client.dir.path, DATA_CONF, at, why);
    return EXIT_CONFIG;
}

static int check_one_cloud(const struct options *o, const struct cloud_ops *ops)
{
    char why[160] = "";

    if (identity_is_missing(o->conf.did))
        return 0; /* looked at when the identity has come */
    if (ops->check && ops->check(&o->conf, why, sizeof why) < 0)
        return complain_conf(o, line_of_complaint(o, why), why);
    return 0;
}

static int check_routes(const struct options *o)
{
    struct route_cloud clouds[CLOUDS_MAX];
    struct device_conf_error err;
    struct route_table t;
    int r;

    for (unsigned i = 0; i < o->clouds.n; i++)
        clouds[i] = (struct route_cloud){o->clouds.ops[i]->name, o->clouds.ops[i]->place};
    r = route_table_make(&t, clouds, o->clouds.n, &o->conf, &err);
    if (r < 0)
        return complain_conf(o, err.line, r == -ENOMEM ? "out of memory" : err.why);
    route_table_deinit(&t);
    return 0;
}

static int check_cloud(struct options *o)
{
    const char *list = o->values[OPT_CLOUD].text ? o->values[OPT_CLOUD].text : "ot";
    char why[96];
    int code = 0;

    o->client.cloud = list;
    if (cloud_list_parse(list, &o->clouds, why, sizeof why) < 0) {
        if (o->values[OPT_CLOUD].text)
            return complain(o, OPT_CLOUD, "%s", why);
        fprintf(stderr, "miio_client: cloud ot is not built in; choose another with --cloud\n");
        return EXIT_CONFIG;
    }
    for (unsigned i = 0; code == 0 && i < o->clouds.n; i++)
        code = check_one_cloud(o, o->clouds.ops[i]);
    return code == 0 ? check_routes(o) : code;
}

static bool has_cloud(const struct options *o, const char *name)
{
    for (unsigned i = 0; i < o->clouds.n; i++) {
        if (strcmp(o->clouds.ops[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Clouds of others know no provisioning by a phone, so a device that uses them is taken as being on the network. */
static int check_provisioning(struct options *o)
{
    bool none;
    int code = take_word(o, OPT_PROVISIONING, "wifi", "none", &none);

    if (!o->values[OPT_PROVISIONING].text)
        none = o->clouds.n > 0 && !has_cloud(o, "ot");
    o->client.wired = none;
    return code;
}

static int check_numbers(struct options *o)
{
    long level, command, grace, request, memory, window, tries, pause, identity, ignored;
    int code = take_number(o, OPT_LOGLEVEL, 0, 4, 2, &level);

    if (code == 0)
        code = take_number(o, OPT_COMMAND_TIMEOUT, 100, 600000, 4000, &command);
    if (code == 0)
        code = take_number(o, OPT_COMMAND_GRACE, 0, 60000, 1000, &grace);
    if (code == 0)
        code = take_number(o, OPT_REQUEST_TIMEOUT, 100, 3600000, 30000, &request);
    if (code == 0)
        code = take_number(o, OPT_MEMORY_LIMIT, 4, 1024, 16, &memory);
    if (code == 0)
        code = take_number(o, OPT_LAN_STAMP_WINDOW, 0, 1000000000, 86400, &window);
    if (code == 0)
        code = take_number(o, OPT_JOIN_TRIES, 1, 100, 5, &tries);
    if (code == 0)
        code = take_number(o, OPT_JOIN_PAUSE, 0, 600000, 3000, &pause);
    if (code == 0)
        code = take_number(o, OPT_IDENTITY_PAUSE, 100, 86400000, 0, &identity);
    if (code == 0)
        code = take_number(o, OPT_PORT, 1, 65535, 0, &ignored);
    if (code == 0)
        code = take_number(o, OPT_INTERVAL, 1000, 86400000, 0, &ignored);
    if (code != 0)
        return code;
    o->log_level = (int) level;
    o->client.command_timeout_ms = (unsigned) command;
    o->client.command_grace_ms = (unsigned) grace;
    o->client.request_timeout_ms = (unsigned) request;
    o->client.memory_limit = (size_t) memory << 20;
    o->client.lan_stamp_window_s = (unsigned) window;
    o->client.join_tries = (unsigned) tries;
    o->client.join_pause_ms = (unsigned) pause;
    o->client.identity_pause_ms = (unsigned) identity;
    return 0;
}

static int check_country(const struct options *o)
{
    const char *text = o->values[OPT_COUNTRY].text;
    char word[DEVICE_COUNTRY_MAX + 1];

    if (!text || !*text)
        return 0;
    if (strpbrk(text, " \t\r\n") || !device_country_parse(word, (struct ag_span){text, strlen(text)}))
        return complain(o, OPT_COUNTRY, "must be one word of letters and digits, at most %d", DEVICE_COUNTRY_MAX);
    return 0;
}

static int check_hooks(const struct options *o)
{
    const char *dir = o->values[OPT_HOOKS].text;

    if (!dir || access(dir, X_OK) == 0)
        return 0;
    return complain(o, OPT_HOOKS, "%s", strerror(errno));
}

static int check_all(struct options *o)
{
    struct device_conf_error err;
    struct report_limits limits;
    bool tcp;
    int code = check_numbers(o);

    if (code == 0 && report_policy_check(&o->conf, &limits, &err) < 0) {
        fprintf(stderr, "miio_client: %s%s:%u: %s\n", o->client.dir.path, DATA_CONF, err.line, err.why);
        code = EXIT_CONFIG;
    }
    if (code == 0)
        code = take_addr(o, OPT_LOCAL, "127.0.0.1:54322", false, &o->client.local);
    if (code == 0)
        code = take_addr(o, OPT_LAN, "0.0.0.0:54321", true, &o->client.lan);
    if (code == 0)
        code = take_addr(o, OPT_BLE, "127.0.0.1:54323", true, &o->client.ble);
    if (code == 0 && o->client.ble.kind == AG_ADDR_INET && !ag_addr_is_local(&o->client.ble))
        code = complain(o, OPT_BLE, "must be on loopback: its texts are not encrypted");
    if (code == 0)
        code = take_mqtt_api(o);
    if (code == 0)
        code = check_access(o);
    if (code == 0)
        code = check_model(o);
    if (code == 0)
        code = take_word(o, OPT_HELPER, "builtin", "external", &o->client.external_helper);
    if (code == 0)
        code = take_word(o, OPT_TELL_ORIGIN, "off", "on", &o->client.tells_origin);
    if (code == 0)
        code = take_word(o, OPT_TRANSPORT, "udp", "tcp", &tcp);
    if (code == 0 && o->values[OPT_HOST].source == FROM_COMMAND_LINE && o->values[OPT_COUNTRY].source == FROM_COMMAND_LINE)
        code = complain(o, OPT_COUNTRY, "cannot be combined with --host");
    if (code == 0)
        code = check_country(o);
    if (code == 0)
        code = check_hooks(o);
    if (code == 0)
        code = check_cloud(o);
    if (code == 0)
        code = check_provisioning(o);
    o->client.os_release = o->values[OPT_OS_RELEASE].text;
    o->client.hooks = o->values[OPT_HOOKS].text;
    o->client.country = o->values[OPT_COUNTRY].text;
    o->log_file = o->values[OPT_LOGFILE].text;
    return code;
}

/* ---- reading ---- */

static void make_getopt_tables(struct option longs[N_OPTIONS + 8], char shorts[64])
{
    size_t n = 0, s = 0;

    shorts[s++] = ':'; /* so that a missing value is told apart */
    for (int i = 0; i < N_OPTIONS; i++) {
        int val = infos[i].letter ? infos[i].letter : FIRST_LONG + i;

        longs[n++] = (struct option){infos[i].name, required_argument, NULL, val};
        if (infos[i].letter) {
            shorts[s++] = infos[i].letter;
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
        if (infos[i].letter && infos[i].letter == opt)
            return i;
    }
    return -1;
}

/* -1: go on; else the exit code. */
static int take_option(struct options *o, int opt)
{
    int name = name_of(opt);

    if (name >= 0)
        return take_value(o, name, optarg, FROM_COMMAND_LINE, 0) < 0 ? EXIT_FAILURE : -1;
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
        return EXIT_USAGE;
    default:
        return EXIT_USAGE;
    }
}

static int complain_option(int opt, const char *written)
{
    if (optopt > 0 && optopt < FIRST_LONG)
        fprintf(stderr, "miio_client: -%c: ", optopt);
    else
        fprintf(stderr, "miio_client: %s: ", written);
    fprintf(stderr, "%s; see miio_client --help\n", opt == ':' ? "needs a value" : "unknown option");
    return EXIT_USAGE;
}

static int read_command_line(struct options *o, int argc, char **argv)
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
        return EXIT_USAGE;
    }
    return -1;
}

/* A daemon leaves its directory, so paths are made absolute while they still mean what was written. */
static int make_absolute(char **path)
{
    char cwd[PATH_MAX], *absolute;

    if (!*path || (*path)[0] == '/')
        return 0;
    if (!getcwd(cwd, sizeof cwd) || asprintf(&absolute, "%s/%s", cwd, *path) < 0)
        return -ENOMEM;
    free(*path);
    *path = absolute;
    return 0;
}

static int make_paths_absolute(struct options *o)
{
    static const int names[] = {OPT_LOGFILE, OPT_HOOKS, OPT_OS_RELEASE, OPT_ACCESS, OPT_MODEL};

    for (size_t i = 0; i < ag_array_size(names); i++) {
        if (make_absolute(&o->values[names[i]].text) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_files(struct options *o)
{
    char error[DATA_ERROR_MAX];
    const char *dir;
    int r;

    if (o->config_file && ag_ini_parse_file(o->config_file, on_config_item, o, error) < 0) {
        fprintf(stderr, "miio_client: %s\n", error);
        return EXIT_CONFIG;
    }
    dir = o->values[OPT_DATADIR].text ? o->values[OPT_DATADIR].text : "/etc/miio";
    r = data_dir_init(&o->client.dir, dir);
    if (r < 0) {
        fprintf(stderr, "miio_client: %s: %s\n", dir, strerror(-r));
        return EXIT_CONFIG;
    }
    r = data_dir_load_conf(&o->client.dir, &o->conf, error);
    if (r == -ENOENT && o->values[OPT_HELPER].text && strcmp(o->values[OPT_HELPER].text, "external") == 0)
        r = 0; /* the helper will tell */
    if (r < 0) {
        fprintf(stderr, "miio_client: %s\n", error);
        return EXIT_CONFIG;
    }
    return take_device_conf(o) < 0 || make_paths_absolute(o) < 0 || give_device_conf(o) < 0 ? EXIT_FAILURE : 0;
}

/* For --check-config; the daemon has them in its log. */
static void tell_unknown_keys(const struct options *o)
{
    char why[CONF_COMPLAINT_MAX];
    const char *name, *value;

    for (size_t i = 0; i < o->conf.n_entries; i++) {
        device_conf_nth(&o->conf, i, &name, &value);
        if (conf_key_complaint(name, why) || cloud_list_complaint(&o->clouds, name, why))
            complain_conf(o, device_conf_line(&o->conf, name), why);
    }
}

bool options_read(struct options *o, int argc, char **argv, int *code_out)
{
    int code;

    *o = (struct options){0};
    code = read_command_line(o, argc, argv);
    if (code < 0) {
        code = read_files(o);
        if (code == 0)
            code = check_all(o);
        if (code == 0 && !o->check_only)
            return true;
        if (code == 0) {
            tell_unknown_keys(o);
            puts("configuration is good");
        }
    }
    options_deinit(o);
    *code_out = code;
    return false;
}

void options_deinit(struct options *o)
{
    for (int i = 0; i < N_OPTIONS; i++)
        free(o->values[i].text);
    free(o->config_file);
    device_conf_deinit(&o->conf);
}
