/* SPDX-License-Identifier: MIT */
#include "agent/settings_read.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include "agent/config.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/option.h"

enum { OPT_LONG_ONLY = 256, OPT_CHECK = 1000 };

static const char *const named_options[] = {"listen", "unix", "seqpacket", "upstream", "unix-group", "access", "upstream-user"};

void settings_usage(void)
{
    puts("usage: miio_agent [options]\n"
         "  -D, --daemonize            run in the background\n"
         "  -l, --loglevel 0..4        0 errors ... 4 everything (2)\n"
         "  -L, --logfile FILE         append the log to FILE instead of standard error\n"
         "  -O, --offline              never connect to upstream\n"
         "  -v, --version              print the version\n"
         "  -h, --help                 print this\n"
         "      --listen ADDR:PORT|none    (127.0.0.1:54320; port 0: the kernel chooses)\n"
         "      --unix PATH|none           stream socket (/run/miio/agent.sock)\n"
         "      --unix-group GROUP         owner group of the unix sockets (miio)\n"
         "      --seqpacket PATH|none      packet socket (none)\n"
         "      --upstream ADDR:PORT       (127.0.0.1:54322)\n"
         "      --upstream-user USER|*     who may serve it beside root and this user (*: anyone)\n"
         "      --command-timeout MS       an application's time to answer (4000)\n"
         "      --request-timeout MS       upstream's time to answer (30000)\n"
         "      --access FILE              who may do what (no file: every local user everything)\n"
         "      --command-grace MS         wait for a subscriber that left within 2 s; 0: never (1000)\n"
         "      --config FILE              options\n"
         "      --check-config             say whether the config is good, and leave\n"
         "limits:");
    for (size_t i = 0; i < limit_n_rows; i++)
        if (strncmp(limit_rows[i].option, "max-", 4) == 0)
            printf("      --%s N\n", limit_rows[i].option);
}

static void long_options(struct option *out)
{
    static const struct option fixed[] = {
        {"daemonize", no_argument, NULL, 'D'},     {"loglevel", required_argument, NULL, 'l'},
        {"logfile", required_argument, NULL, 'L'}, {"offline", no_argument, NULL, 'O'},
        {"version", no_argument, NULL, 'v'},       {"help", no_argument, NULL, 'h'},
        {"config", required_argument, NULL, 'c'},  {"check-config", no_argument, NULL, OPT_CHECK}};
    size_t at = 0;

    for (size_t i = 0; i < ag_array_size(fixed); i++)
        out[at++] = fixed[i];
    for (size_t i = 0; i < ag_array_size(named_options); i++, at++)
        out[at] = (struct option){named_options[i], required_argument, NULL, OPT_LONG_ONLY + (int) i};
    for (size_t i = 0; i < limit_n_rows; i++, at++)
        out[at] = (struct option){limit_rows[i].option, required_argument, NULL, OPT_LONG_ONLY + 100 + (int) i};
    out[at] = (struct option){0};
}

static int apply_option(struct settings *s, int opt, const char *value, char *reason, size_t n)
{
    switch (opt) {
    case 'D':
        s->daemonize = true;
        return 0;
    case 'O':
        s->offline = true;
        return 0;
    case 'v':
        s->show_version = true;
        return 0;
    case 'h':
        s->show_help = true;
        return 0;
    case OPT_CHECK:
        s->check_only = true;
        return 0;
    case 'l':
        return settings_set_level(&s->log_level, value, reason, n);
    case 'L':
        return ag_option_text(value, s->log_file, sizeof s->log_file, reason, n);
    case 'c':
        return ag_option_text(value, s->config, sizeof s->config, reason, n);
    default:
        if (opt >= OPT_LONG_ONLY + 100)
            return settings_set_limit(s, &limit_rows[opt - OPT_LONG_ONLY - 100], value, reason, n);
        return settings_set_named(s, named_options[opt - OPT_LONG_ONLY], value, reason, n);
    }
}

static int apply_args(struct settings *s, int argc, char **argv, char error[AG_INI_ERROR_MAX])
{
    struct option options[40];
    char reason[256];
    int opt, at = 0;

    long_options(options);
    optind = 0; /* glibc: getopt begins again */
    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":Dl:L:Ovh", options, &at)) != -1) {
        const char *shown = optind > 0 && optind <= argc ? argv[optind - 1] : "";

        if (opt == '?' || opt == ':') {
            snprintf(error, AG_INI_ERROR_MAX, "%s: %s", shown, opt == '?' ? "unknown option" : "needs a value");
            return SETTINGS_E_USAGE;
        }
        if (apply_option(s, opt, optarg, reason, sizeof reason) != 0) {
            if (opt < OPT_LONG_ONLY)
                snprintf(error, AG_INI_ERROR_MAX, "-%c %.200s: %s", opt, optarg, reason);
            else
                snprintf(error, AG_INI_ERROR_MAX, "--%s %.200s: %s", options[at].name, optarg, reason);
            return SETTINGS_E_USAGE;
        }
    }
    if (optind < argc) {
        snprintf(error, AG_INI_ERROR_MAX, "%s: unexpected argument", argv[optind]);
        return SETTINGS_E_USAGE;
    }
    return 0;
}

/* A daemon changes to "/", but reads its config and opens its log again later. */
static int make_absolute(char path[SETTINGS_PATH_MAX], const char *dir, char error[AG_INI_ERROR_MAX])
{
    size_t n = strlen(dir), len = strlen(path);

    if (len == 0 || path[0] == '/')
        return 0;
    if (n + 1 + len + 1 > SETTINGS_PATH_MAX) {
        snprintf(error, AG_INI_ERROR_MAX, "%.200s: path too long", path);
        return SETTINGS_E_USAGE;
    }
    memmove(path + n + 1, path, len + 1);
    memcpy(path, dir, n);
    path[n] = '/';
    return 0;
}

static bool is_relative(const struct ag_addr *a)
{
    const struct sockaddr_un *un = (const void *) &a->sa;

    return a->kind >= AG_ADDR_UNIX && un->sun_path[0] != '/' && un->sun_path[0] != '\0';
}

static int settings_check(const struct settings *s, char error[AG_INI_ERROR_MAX])
{
    if (s->listen.kind == AG_ADDR_NONE && s->unix_path.kind == AG_ADDR_NONE && s->seqpacket.kind == AG_ADDR_NONE)
        snprintf(error, AG_INI_ERROR_MAX, "nothing to listen on: listen, unix and seqpacket are none");
    else if (s->limits.queue < s->limits.text)
        snprintf(error, AG_INI_ERROR_MAX, "max-queue must not be smaller than max-text");
    else if (s->daemonize && (is_relative(&s->unix_path) || is_relative(&s->seqpacket)))
        snprintf(error, AG_INI_ERROR_MAX, "paths of sockets must be absolute in the background");
    else
        return 0;
    return s->config[0] ? SETTINGS_E_CONFIG : SETTINGS_E_USAGE;
}

/* Rules of agent.conf's own come before those of the file: of two for one pattern the first counts. */
static int read_access(struct settings *s, const char *dir, char error[AG_INI_ERROR_MAX])
{
    int r = make_absolute(s->access_file, dir, error);

    if (r != 0)
        return r;
    s->access.enabled = s->access.enabled && s->access.n_items > 0;
    if (!s->access_file[0])
        return 0;
    r = ag_access_read(&s->access, s->access_file, error);
    s->access_empty = r == AG_ACCESS_E_EMPTY;
    return r < 0 ? SETTINGS_E_CONFIG : 0;
}

int settings_read(struct settings *s, int argc, char **argv, const char *dir, char error[AG_INI_ERROR_MAX])
{
    int r;

    settings_init(s);
    r = apply_args(s, argc, argv, error);
    if (r != 0 || s->show_help || s->show_version)
        return r;
    r = make_absolute(s->config, dir, error);
    if (r == 0 && s->config[0]) {
        char config[SETTINGS_PATH_MAX];

        strcpy(config, s->config);
        if (ag_ini_parse_file(config, config_item, s, error) < 0)
            return SETTINGS_E_CONFIG;
        r = apply_args(s, argc, argv, error);
        strcpy(s->config, config);
    }
    if (r == 0)
        r = make_absolute(s->log_file, dir, error);
    if (r == 0)
        r = read_access(s, dir, error);
    return r != 0 ? r : settings_check(s, error);
}
