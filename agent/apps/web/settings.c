/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/settings.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/inifile.h"
#include "libagent/io/option.h"
#include "libagent/io/program.h"

enum { MINUTE_MS = 60000, REASON_MAX = 256, ROW = 256, OPT_CONFIG = 1000, OPT_CHECK, OPT_SET_PASSWORD };

enum kind { PATH, PROGRAM, TEXT, NUMBER, FLAG, LISTEN, PASSWORD, NAME };

struct row {
    const char *option, *key; /* on the command line, in the file */
    enum kind kind;
    size_t offset;
    uint64_t min, max; /* of a number */
    char letter;       /* the short option; NUL: none */
};

#define AT(member) offsetof(struct web_settings, member)

static const struct row rows[] = {
    {"listen", "listen", LISTEN, 0, 0, 0, 0},
    {"password-file", "password_file", PASSWORD, 0, 0, 0, 0},
    {"any-local-user", "any_local_user", FLAG, AT(web.any_local_user), 0, 0, 0},
    {"session-minutes", "session_minutes", NUMBER, AT(session_minutes), 1, 10080, 0},
    {"name", "name", NAME, 0, 0, 0, 0},
    {"cert", "cert", PATH, AT(cert), 0, 0, 0},
    {"key", "key", PATH, AT(key), 0, 0, 0},
    {"model", "model", PATH, AT(model), 0, 0, 0},
    {"networks", "networks", PATH, AT(networks), 0, 0, 0},
    {"miioctl", "miioctl", PROGRAM, AT(miioctl), 0, 0, 0},
    {"agent", "agent", TEXT, AT(agent), 0, 0, 0},
    {"loglevel", "log_level", NUMBER, AT(log_level), 0, 4, 'l'},
    {"logfile", "log_file", PATH, AT(log_file), 0, 0, 'L'},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_web [options]\n"
               "A page on the device: what it does, what it says, and its first set-up.\n\n"
               "  --listen ADDR:PORT      where the page is (127.0.0.1:8086); beyond loopback it wants a password\n"
               "  --password-file FILE    hash of the password (" WEB_PASSWORD_FILE ", when it is there); none\n"
               "  --set-password          ask for one, or read it from standard input, write the file, end\n"
               "  --any-local-user        without a password: every user of this machine, not only root and its own\n"
               "  --session-minutes N     a login that nobody uses ends after so long (30)\n"
               "  --name NAME             another name of this device in addresses; up to 6 times\n"
               "  --cert FILE --key FILE  TLS, both PEM\n"
               "  --model FILE            the device's MIoT-Spec instance: switches and sliders\n"
               "  --networks PROG         lists Wi-Fi networks for the first set-up\n"
               "  --miioctl PROG          for the support archive (miioctl)\n"
               "  --agent ADDR            of miio_agent ($MIIO_AGENT, its socket, TCP 54320)\n"
               "  --config FILE           these options as NAME = VALUE; the command line wins\n"
               "  --check-config          read everything, start nothing, say whether it is good\n"
               "  -D, --daemonize   -l, --loglevel 0..4   -L, --logfile FILE\n"
               "  -v, --version     -h, --help\n");
}

void web_settings_init(struct web_settings *s)
{
    const char *why;

    memset(s, 0, sizeof *s);
    s->web.life_ms = 12 * 60 * MINUTE_MS;
    s->session_minutes = 30;
    s->log_level = 2;
    strcpy(s->password_file, WEB_PASSWORD_FILE);
    strcpy(s->miioctl, "miioctl");
    ag_addr_parse("127.0.0.1:8086", &s->listen, &why);
}

/* ---- values ---- */

static int set_listen(struct web_settings *s, const char *text, char *reason, size_t n)
{
    const char *why = "an address such as 127.0.0.1:8086 is wanted";
    struct ag_addr a;

    if (ag_addr_parse(text, &a, &why) == 0 && a.kind == AG_ADDR_INET) {
        s->listen = a;
        return 0;
    }
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static int set_password(struct web_settings *s, const char *text, char *reason, size_t n)
{
    s->password_given = strcmp(text, "none") != 0;
    if (s->password_given)
        return ag_option_path(text, s->password_file, sizeof s->password_file, reason, n);
    s->password_file[0] = '\0';
    return 0;
}

/* Without a slash it is looked up in $PATH. */
static int set_program(const char *text, char out[PATH_MAX], char *reason, size_t n)
{
    return strchr(text, '/') ? ag_option_path(text, out, PATH_MAX, reason, n) : ag_option_text(text, out, PATH_MAX, reason, n);
}

/* most: the last places are for the host's own names. */
static int add_name(struct web_settings *s, const char *name, size_t most, char *reason, size_t n)
{
    char *to = s->names[s->web.n_names];

    if (!name[0] || strlen(name) > WEB_NAME_MAX || s->web.n_names >= most || strpbrk(name, ":/[] ")) {
        snprintf(reason, n, "a host's name is wanted, without port, at most 6 of them");
        return -EINVAL;
    }
    for (size_t i = 0; i <= strlen(name); i++)
        to[i] = (char) tolower((unsigned char) name[i]);
    s->web.names[s->web.n_names++] = to;
    return 0;
}

static void add_own_names(struct web_settings *s)
{
    char name[HOST_NAME_MAX + 8] = "", reason[REASON_MAX];

    if (gethostname(name, HOST_NAME_MAX) < 0 || !name[0])
        return;
    add_name(s, name, WEB_NAMES_MAX, reason, sizeof reason);
    if (!strchr(name, '.')) {
        strcat(name, ".local");
        add_name(s, name, WEB_NAMES_MAX, reason, sizeof reason);
    }
}

static int set_value(struct web_settings *s, const struct row *row, const char *value, char *reason, size_t n)
{
    void *to = (char *) s + row->offset;

    switch (row->kind) {
    case PATH:
        return ag_option_path(value, to, PATH_MAX, reason, n);
    case PROGRAM:
        return set_program(value, to, reason, n);
    case TEXT:
        return ag_option_text(value, to, PATH_MAX, reason, n);
    case NUMBER:
        return ag_option_number(value, row->min, row->max, to, reason, n);
    case FLAG:
        return ag_option_flag(value, to, reason, n);
    case LISTEN:
        return set_listen(s, value, reason, n);
    case PASSWORD:
        return set_password(s, value, reason, n);
    case NAME:
        return add_name(s, value, WEB_NAMES_MAX - 2, reason, n);
    }
    return -EINVAL;
}

/* ---- the file ---- */

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    char why[REASON_MAX] = "";

    if (*item->section) {
        snprintf(reason, n, "there are no sections in this file");
        return -EINVAL;
    }
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        if (strcmp(rows[i].key, item->name) != 0)
            continue;
        if (set_value(user, &rows[i], item->value, why, sizeof why) == 0)
            return 0;
        snprintf(reason, n, "%s: %s", item->name, why);
        return -EINVAL;
    }
    return -EINVAL; /* an unknown name */
}

static int read_file(struct web_settings *s, const char *path)
{
    char error[AG_INI_ERROR_MAX];

    if (!ag_option_take_path("miio_web", "config", path, s->config, sizeof s->config))
        return AG_EXIT_USAGE;
    if (ag_ini_parse_file(s->config, on_item, s, error) == 0)
        return -1;
    fprintf(stderr, "miio_web: %s\n", error);
    return AG_EXIT_CONFIG;
}

/* ---- the command line ---- */

static const char short_options[] = "Dl:L:vh";

static void long_options(struct option *out)
{
    static const struct option fixed[] = {{"config", required_argument, NULL, OPT_CONFIG},
                                          {"check-config", no_argument, NULL, OPT_CHECK},
                                          {"set-password", no_argument, NULL, OPT_SET_PASSWORD},
                                          {"daemonize", no_argument, NULL, 'D'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'}};
    size_t at = 0;

    for (size_t i = 0; i < ag_array_size(fixed); i++)
        out[at++] = fixed[i];
    for (size_t i = 0; i < ag_array_size(rows); i++, at++)
        out[at] = (struct option){rows[i].option, rows[i].kind == FLAG ? no_argument : required_argument, NULL, ROW + (int) i};
    out[at] = (struct option){0};
}

static int usage_error(void)
{
    fprintf(stderr, "see miio_web --help\n");
    return AG_EXIT_USAGE;
}

/* What ends the program, and the file. */
static int first_pass(struct web_settings *s, int argc, char **argv, const struct option *longs)
{
    int c, r = -1;

    while (r < 0 && (c = getopt_long(argc, argv, short_options, longs, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return AG_EXIT_OK;
        }
        if (c == 'v') {
            puts("miio_web " MIIO_VERSION);
            return AG_EXIT_OK;
        }
        if (c == '?')
            return usage_error();
        if (c == OPT_CONFIG)
            r = read_file(s, optarg);
    }
    if (r < 0 && optind < argc) {
        fprintf(stderr, "miio_web: \"%s\" is not an option; see miio_web --help\n", argv[optind]);
        return AG_EXIT_USAGE;
    }
    return r;
}

static const struct row *row_of(int c)
{
    for (size_t i = 0; i < ag_array_size(rows); i++)
        if (c == ROW + (int) i || (rows[i].letter && c == rows[i].letter))
            return &rows[i];
    return NULL;
}

static int second_pass(struct web_settings *s, int argc, char **argv, const struct option *longs)
{
    char reason[REASON_MAX];
    int c;

    optind = 0; /* glibc: getopt begins again */
    while ((c = getopt_long(argc, argv, short_options, longs, NULL)) != -1) {
        const struct row *row = row_of(c);
        const char *value = row && row->kind == FLAG ? "yes" : optarg;

        s->daemonize = s->daemonize || c == 'D';
        s->check_only = s->check_only || c == OPT_CHECK;
        s->set_password = s->set_password || c == OPT_SET_PASSWORD;
        if (row && set_value(s, row, value, reason, sizeof reason) < 0) {
            fprintf(stderr, "miio_web: --%s: %s: %s\n", row->option, value, reason);
            return AG_EXIT_USAGE;
        }
    }
    return -1;
}

static int complete(struct web_settings *s)
{
    if (!s->cert[0] != !s->key[0]) {
        fprintf(stderr, "miio_web: --cert and --key belong together\n");
        return AG_EXIT_USAGE;
    }
    if (s->set_password && !s->password_file[0]) {
        fprintf(stderr, "miio_web: --set-password needs a file: --password-file is none\n");
        return AG_EXIT_USAGE;
    }
    add_own_names(s);
    s->web.idle_ms = (unsigned) s->session_minutes * MINUTE_MS;
    s->web.miioctl = s->miioctl;
    s->web.agent = s->agent[0] ? s->agent : NULL;
    s->web.model = s->model[0] ? s->model : NULL;
    s->web.networks = s->networks[0] ? s->networks : NULL;
    return -1;
}

int web_settings_read(struct web_settings *s, int argc, char **argv)
{
    struct option longs[ag_array_size(rows) + 7];
    int r;

    long_options(longs);
    r = first_pass(s, argc, argv, longs);
    if (r < 0)
        r = second_pass(s, argc, argv, longs);
    return r < 0 ? complete(s) : r;
}
