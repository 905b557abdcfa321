/* SPDX-License-Identifier: MIT */
#include "agent/settings_read.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include "agent/config.h"
#include "libagent/io/access/access_file.h"
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"

static void usage(FILE *to)
{
    fputs("usage: miio_agent [options]\n"
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
          "limits:\n",
          to);
    for (size_t i = 0; i < limit_n_rows; i++)
        if (settings_is_max(limit_rows[i].option))
            fprintf(to, "      --%s N\n", limit_rows[i].option);
}

static int take(void *user, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    return ag_option_set(row, user, value, reason, n);
}

static int apply_args(struct settings *s, int argc, char **argv)
{
    struct ag_option rows[AG_COMMAND_LINE_MAX];
    const struct ag_command_line line = {"miio_agent", usage, rows, settings_rows(rows), AG_WORDS_NONE};

    return ag_command_line_each(&line, argc, argv, take, s);
}

/* A daemon changes to "/", but reads its config and opens its log again later. */
static int make_absolute(char path[SETTINGS_PATH_MAX], const char *dir, char error[AG_INI_ERROR_MAX])
{
    size_t n = strlen(dir), len = strlen(path);

    if (len == 0 || path[0] == '/')
        return 0;
    if (n + 1 + len + 1 > SETTINGS_PATH_MAX) {
        snprintf(error, AG_INI_ERROR_MAX, "%.200s: path too long", path);
        return AG_EXIT_USAGE;
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
    return s->config[0] ? AG_EXIT_CONFIG : AG_EXIT_USAGE;
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
    return r < 0 ? AG_EXIT_CONFIG : 0;
}

int settings_read(struct settings *s, int argc, char **argv, const char *dir, char error[AG_INI_ERROR_MAX])
{
    int r;

    settings_init(s);
    error[0] = '\0';
    r = apply_args(s, argc, argv);
    if (r >= 0)
        return r;
    r = make_absolute(s->config, dir, error);
    if (r == 0 && s->config[0]) {
        char config[SETTINGS_PATH_MAX];

        strcpy(config, s->config);
        if (ag_ini_parse_file(config, config_item, s, error) < 0)
            return AG_EXIT_CONFIG;
        apply_args(s, argc, argv);
        strcpy(s->config, config);
    }
    if (r == 0)
        r = make_absolute(s->log_file, dir, error);
    if (r == 0)
        r = read_access(s, dir, error);
    if (r == 0)
        r = settings_check(s, error);
    return r == 0 ? -1 : r;
}
