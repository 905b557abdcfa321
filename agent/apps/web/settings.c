/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"

enum { MINUTE_MS = 60000, REASON_MAX = 256 };

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

static int set_listen(void *to, const struct ag_option *row, const char *text, char *reason, size_t n)
{
    struct web_settings *s = to;
    const char *why = "an address such as 127.0.0.1:8086 is wanted";
    struct ag_addr a;

    (void) row;
    if (ag_addr_parse(text, &a, &why) == 0 && a.kind == AG_ADDR_INET) {
        s->listen = a;
        return 0;
    }
    snprintf(reason, n, "%s", why);
    return -EINVAL;
}

static int set_password(void *to, const struct ag_option *row, const char *text, char *reason, size_t n)
{
    struct web_settings *s = to;

    (void) row;
    s->password_given = strcmp(text, "none") != 0;
    if (s->password_given)
        return ag_option_path(text, s->password_file, sizeof s->password_file, reason, n);
    s->password_file[0] = '\0';
    return 0;
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

static int set_name(void *to, const struct ag_option *row, const char *text, char *reason, size_t n)
{
    (void) row;
    return add_name(to, text, WEB_NAMES_MAX - 2, reason, n);
}

/* ---- all of them ---- */

#define AT(member) AG_OPTION_FIELD(struct web_settings, member)

static const struct ag_option rows[] = {
    {"listen", "listen", .set = set_listen},
    {"password-file", "password_file", .set = set_password},
    {"any-local-user", "any_local_user", 0, AG_OPTION_FLAG, AT(web.any_local_user)},
    {"session-minutes", "session_minutes", 0, AG_OPTION_NUMBER, AT(session_minutes), .least = 1, .most = 10080},
    {"name", "name", .set = set_name},
    {"cert", "cert", 0, AG_OPTION_PATH, AT(cert)},
    {"key", "key", 0, AG_OPTION_PATH, AT(key)},
    {"model", "model", 0, AG_OPTION_PATH, AT(model)},
    {"networks", "networks", 0, AG_OPTION_PATH, AT(networks)},
    {"miioctl", "miioctl", 0, AG_OPTION_PROGRAM, AT(miioctl)},
    {"agent", "agent", 0, AG_OPTION_TEXT, AT(agent)},
    {"loglevel", "log_level", 'l', AG_OPTION_NUMBER, AT(log_level), .most = 4},
    {"logfile", "log_file", 'L', AG_OPTION_PATH, AT(log_file)},
    {"config", NULL, 0, AG_OPTION_PATH, AT(config)},
    {"check-config", NULL, 0, AG_OPTION_FLAG, AT(check_only)},
    {"set-password", NULL, 0, AG_OPTION_FLAG, AT(set_password)},
    {"daemonize", NULL, 'D', AG_OPTION_FLAG, AT(daemonize)},
};

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
    static const struct ag_command_line line = {"miio_web", usage, rows, ag_array_size(rows), AG_WORDS_NONE};
    int r = ag_command_line_read(&line, argc, argv, s);

    return r < 0 ? complete(s) : r;
}
