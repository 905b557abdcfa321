#include "agent/settings.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

struct limit_name {
    const char *option; /* long option; the config name is the same with '_' and without "max-" */
    size_t offset;
    uint32_t min, max;
};

static const struct limit_name limit_names[] = {
    {"max-connections", offsetof(struct limits, connections), 1, 1u << 20},
    {"max-text", offsetof(struct limits, text), 256, 256u << 20},
    {"max-packet-text", offsetof(struct limits, packet_text), 256, 64u << 10},
    {"max-depth", offsetof(struct limits, depth), 2, 1000},
    {"max-key-len", offsetof(struct limits, key_len), 1, 1024},
    {"max-keys-per-peer", offsetof(struct limits, keys_per_peer), 1, 1u << 20},
    {"max-keys", offsetof(struct limits, keys), 1, 1u << 24},
    {"max-requests-per-peer", offsetof(struct limits, requests_per_peer), 1, 1u << 20},
    {"max-requests", offsetof(struct limits, requests), 1, 1u << 20},
    {"max-commands-per-peer", offsetof(struct limits, commands_per_peer), 1, 1u << 20},
    {"max-commands", offsetof(struct limits, commands), 1, 1u << 20},
    {"max-queue", offsetof(struct limits, queue), 4096, 1u << 30},
    {"max-upstream-queue", offsetof(struct limits, upstream_queue), 4096, 1u << 30},
    {"max-total", offsetof(struct limits, total), 65536, 2u << 30},
    {"command-timeout", offsetof(struct limits, command_timeout_ms), 1, 86400000},
    {"request-timeout", offsetof(struct limits, request_timeout_ms), 1, 86400000},
};

enum { N_LIMITS = sizeof limit_names / sizeof limit_names[0] };

static int fail(char *reason, size_t n, const char *fmt, ...) ag_printf_like(3, 4);

static int fail(char *reason, size_t n, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- values ---- */

static int set_number(uint32_t *field, const char *value, uint32_t min, uint32_t max, char *reason, size_t n)
{
    unsigned long v;
    char *end;

    errno = 0;
    v = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || v < min || v > max)
        return fail(reason, n, "must be a number from %u to %u", min, max);
    *field = (uint32_t) v;
    return 0;
}

static int set_text(char *field, size_t room, const char *value, char *reason, size_t n)
{
    if (strlen(value) >= room)
        return fail(reason, n, "longer than %zu bytes", room - 1);
    strcpy(field, value);
    return 0;
}

static int set_addr(struct ag_addr *field, const char *value, bool none_allowed, char *reason, size_t n)
{
    struct ag_addr a;
    const char *why;

    if (ag_addr_parse(value, &a, &why) < 0)
        return fail(reason, n, "%s", why);
    if (a.kind == AG_ADDR_SEQPACKET || (a.kind == AG_ADDR_NONE && !none_allowed))
        return fail(reason, n, "must be ADDR:PORT%s", none_allowed ? " or none" : "");
    *field = a;
    return 0;
}

static int set_path(struct ag_addr *field, const char *value, enum ag_addr_kind kind, char *reason, size_t n)
{
    const char *why;

    return ag_addr_parse_path(value, kind, field, &why) < 0 ? fail(reason, n, "%s", why) : 0;
}

static int set_bool(bool *field, const char *value, char *reason, size_t n)
{
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
        *field = *value == 'y';
        return 0;
    }
    return fail(reason, n, "must be yes or no");
}

static int set_level(int *field, const char *value, char *reason, size_t n)
{
    uint32_t level = 0;

    if (set_number(&level, value, 0, 4, reason, n) < 0)
        return -EINVAL;
    *field = (int) level;
    return 0;
}

/* One setting that command line and file share. name: as on the command line, with '-'. 1: no such setting. */
static int set_named(struct settings *s, const char *name, const char *value, char *reason, size_t n)
{
    if (strcmp(name, "listen") == 0)
        return set_addr(&s->listen, value, true, reason, n);
    if (strcmp(name, "upstream") == 0)
        return set_addr(&s->upstream, value, false, reason, n);
    if (strcmp(name, "unix") == 0) {
        s->unix_is_default = false;
        return set_path(&s->unix_path, value, AG_ADDR_UNIX, reason, n);
    }
    if (strcmp(name, "seqpacket") == 0)
        return set_path(&s->seqpacket, value, AG_ADDR_SEQPACKET, reason, n);
    if (strcmp(name, "unix-group") == 0)
        return set_text(s->unix_group, sizeof s->unix_group, value, reason, n);
    if (strcmp(name, "log-file") == 0)
        return set_text(s->log_file, sizeof s->log_file, value, reason, n);
    if (strcmp(name, "log-level") == 0)
        return set_level(&s->log_level, value, reason, n);
    return 1;
}

static int set_limit(struct settings *s, const struct limit_name *l, const char *value, char *reason, size_t n)
{
    return set_number((uint32_t *) (void *) ((char *) &s->limits + l->offset), value, l->min, l->max, reason, n);
}

/* ---- the config file ---- */

static bool names_match(const char *option, const char *config)
{
    if (strncmp(option, "max-", 4) == 0)
        option += 4;
    for (; *option && *config; option++, config++)
        if (*option != *config && !(*option == '-' && *config == '_'))
            return false;
    return *option == *config;
}

static int config_limit(struct settings *s, const struct ag_ini_item *item, bool timeouts, char *reason, size_t n)
{
    for (size_t i = 0; i < N_LIMITS; i++) {
        bool timeout = strstr(limit_names[i].option, "timeout");

        if (timeout == timeouts && names_match(limit_names[i].option, item->name))
            return set_limit(s, &limit_names[i], item->value, reason, n);
    }
    return -EINVAL;
}

static int config_agent(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    static const char *const names[] = {"listen", "upstream", "unix", "seqpacket", "unix-group", "log-file", "log-level"};

    if (strcmp(item->name, "offline") == 0)
        return set_bool(&s->offline, item->value, reason, n);
    for (size_t i = 0; i < ag_array_size(names); i++)
        if (names_match(names[i], item->name))
            return set_named(s, names[i], item->value, reason, n);
    return config_limit(s, item, true, reason, n);
}

static int parse_id(const char *text, uint32_t *id_out)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || v >= UINT32_MAX)
        return -EINVAL;
    *id_out = (uint32_t) v;
    return 0;
}

static int parse_who(const char *text, struct access_who *who, char *reason, size_t n)
{
    const struct passwd *pw;
    const struct group *gr;

    if (strcmp(text, "*") == 0) {
        *who = (struct access_who){.kind = ACCESS_ALL};
        return 0;
    }
    who->kind = *text == '@' ? ACCESS_GROUP : ACCESS_USER;
    text += *text == '@';
    if (parse_id(text, &who->id) == 0)
        return 0;
    if (who->kind == ACCESS_GROUP) {
        gr = getgrnam(text);
        if (!gr)
            return fail(reason, n, "no group '%s'", text);
        who->id = gr->gr_gid;
        return 0;
    }
    pw = getpwnam(text);
    if (!pw)
        return fail(reason, n, "no user '%s'", text);
    who->id = pw->pw_uid;
    return 0;
}

static int parse_verb(const char *name, unsigned *verbs_out, const char **pattern_out)
{
    static const struct {
        const char *word;
        unsigned verbs;
    } words[] = {{"register", ACCESS_REGISTER}, {"send", ACCESS_SEND}, {"any", ACCESS_REGISTER | ACCESS_SEND}};

    for (size_t i = 0; i < ag_array_size(words); i++) {
        size_t len = strlen(words[i].word);

        if (strncmp(name, words[i].word, len) == 0 && name[len] == ' ') {
            *verbs_out = words[i].verbs;
            *pattern_out = name + len + strspn(name + len, " ");
            return 0;
        }
    }
    return -EINVAL;
}

static int config_access(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    enum { WHO_MAX = 64 };
    struct access_who who[WHO_MAX];
    char value[AG_INI_LINE_MAX + 1], *save = NULL;
    const char *pattern;
    unsigned verbs;
    size_t n_who = 0;

    s->access.enabled = true;
    if (parse_verb(item->name, &verbs, &pattern) < 0 || !*pattern || strchr(pattern, ' '))
        return fail(reason, n, "rule must be VERB METHOD = WHO ..., VERB register, send or any");
    snprintf(value, sizeof value, "%s", item->value);
    for (char *word = strtok_r(value, " \t,", &save); word; word = strtok_r(NULL, " \t,", &save)) {
        if (n_who == WHO_MAX)
            return fail(reason, n, "more than %d users and groups", WHO_MAX);
        if (parse_who(word, &who[n_who++], reason, n) < 0)
            return -EINVAL;
    }
    return access_add(&s->access, verbs, (struct ag_span){pattern, strlen(pattern)}, who, n_who);
}

static int config_named(struct settings *s, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (strcmp(item->section, "agent") == 0 || strcmp(item->section, "") == 0)
        return config_agent(s, item, reason, n);
    if (strcmp(item->section, "limits") == 0)
        return config_limit(s, item, false, reason, n);
    if (strcmp(item->section, "access") == 0)
        return config_access(s, item, reason, n);
    return fail(reason, n, "unknown section '%s'", item->section);
}

static int config_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    char why[256] = "";
    int r = config_named(user, item, why, sizeof why);

    if (r < 0 && why[0])
        fail(reason, n, "%s: %s", item->name, why);
    return r;
}

/* ---- the command line ---- */

enum { OPT_LONG_ONLY = 256, OPT_CHECK = 1000 };

static const char *const named_options[] = {"listen", "unix", "seqpacket", "upstream", "unix-group"};

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
         "      --command-timeout MS       an application's time to answer (4000)\n"
         "      --request-timeout MS       upstream's time to answer (30000)\n"
         "      --config FILE              options and access rules\n"
         "      --check-config             say whether the config is good, and leave\n"
         "limits:");
    for (size_t i = 0; i < N_LIMITS; i++)
        if (strncmp(limit_names[i].option, "max-", 4) == 0)
            printf("      --%s N\n", limit_names[i].option);
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
    for (size_t i = 0; i < N_LIMITS; i++, at++)
        out[at] = (struct option){limit_names[i].option, required_argument, NULL, OPT_LONG_ONLY + 100 + (int) i};
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
        return set_level(&s->log_level, value, reason, n);
    case 'L':
        return set_text(s->log_file, sizeof s->log_file, value, reason, n);
    case 'c':
        return set_text(s->config, sizeof s->config, value, reason, n);
    default:
        if (opt >= OPT_LONG_ONLY + 100)
            return set_limit(s, &limit_names[opt - OPT_LONG_ONLY - 100], value, reason, n);
        return set_named(s, named_options[opt - OPT_LONG_ONLY], value, reason, n);
    }
}

static int apply_args(struct settings *s, int argc, char **argv, char error[AG_INI_ERROR_MAX])
{
    struct option options[40];
    char reason[256];
    int opt, at = 0;

    long_options(options);
    optind = 0; /* getopt starts anew */
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

static void settings_init(struct settings *s)
{
    *s = (struct settings){.limits = LIMITS_DEFAULT, .log_level = 2, .unix_group = "miio", .unix_is_default = true};
    ag_addr_parse("127.0.0.1:54320", &s->listen, NULL);
    ag_addr_parse("127.0.0.1:54322", &s->upstream, NULL);
    ag_addr_parse_path("/run/miio/agent.sock", AG_ADDR_UNIX, &s->unix_path, NULL);
    ag_addr_parse("none", &s->seqpacket, NULL);
    access_init(&s->access, (uint32_t) geteuid());
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
    if (s->access.enabled && access_enable(&s->access) < 0) {
        snprintf(error, AG_INI_ERROR_MAX, "out of memory");
        return SETTINGS_E_CONFIG;
    }
    return r != 0 ? r : settings_check(s, error);
}

void settings_deinit(struct settings *s)
{
    access_deinit(&s->access);
}
