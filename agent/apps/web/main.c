/* SPDX-License-Identifier: MIT */
/* miio_web: options, signals, exit code. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/apps/web/set_password.h"
#include "agent/apps/web/web.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/addr.h"
#include "libagent/io/file.h"
#include "libagent/io/option.h"
#include "libagent/io/program.h"

enum { PEM_MAX = 65536, MINUTE_MS = 60000, BACKLOG = 128 };

#define PASSWORD_FILE "/etc/miio/web.password"

struct options {
    struct web_options web;
    struct ag_addr listen;
    char password_file[PATH_MAX], cert[PATH_MAX], key[PATH_MAX], model[PATH_MAX], networks[PATH_MAX], log_file[PATH_MAX];
    char names[WEB_NAMES_MAX][WEB_NAME_MAX + 1];
    bool password_given, set_password, daemonize;
    int log_level;
};

struct program {
    struct web web;
    struct ag_program frame;
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_web [options]\n"
               "A page on the device: what it does, what it says, and its first set-up.\n\n"
               "  --listen ADDR:PORT      where the page is (127.0.0.1:8086); beyond loopback it wants a password\n"
               "  --password-file FILE    hash of the password (" PASSWORD_FILE ", when it is there); none\n"
               "  --set-password          ask for one, or read it from standard input, write the file, end\n"
               "  --any-local-user        without a password: every user of this machine, not only root and its own\n"
               "  --session-minutes N     a login that nobody uses ends after so long (30)\n"
               "  --name NAME             another name of this device in addresses; up to 6 times\n"
               "  --cert FILE --key FILE  TLS, both PEM\n"
               "  --model FILE            the device's MIoT-Spec instance: switches and sliders\n"
               "  --networks PROG         lists Wi-Fi networks for the first set-up\n"
               "  --miioctl PROG          for the support archive (miioctl)\n"
               "  --agent ADDR            of miio_agent ($MIIO_AGENT, its socket, TCP 54320)\n"
               "  -D, --daemonize   -l, --loglevel 0..4   -L, --logfile FILE\n"
               "  -v, --version     -h, --help\n");
}

static const struct option long_options[] = {
    {"listen", required_argument, NULL, 'i'},
    {"password-file", required_argument, NULL, 'p'},
    {"set-password", no_argument, NULL, 'P'},
    {"any-local-user", no_argument, NULL, 'u'},
    {"session-minutes", required_argument, NULL, 's'},
    {"name", required_argument, NULL, 'n'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"model", required_argument, NULL, 'm'},
    {"networks", required_argument, NULL, 'w'},
    {"miioctl", required_argument, NULL, 'b'},
    {"agent", required_argument, NULL, 'a'},
    {"daemonize", no_argument, NULL, 'D'},
    {"loglevel", required_argument, NULL, 'l'},
    {"logfile", required_argument, NULL, 'L'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* ---- options ---- */

static bool set_path(const char *name, const char *path, char out[PATH_MAX])
{
    return ag_option_take_path("miio_web", name, path, out, PATH_MAX);
}

static bool set_number(const char *name, const char *text, unsigned min, unsigned max, unsigned *out)
{
    uint64_t v;

    if (!ag_option_take_number("miio_web", name, text, min, max, &v))
        return false;
    *out = (unsigned) v;
    return true;
}

static bool add_name(struct options *o, const char *name)
{
    char *to = o->names[o->web.n_names];

    if (!name[0] || strlen(name) > WEB_NAME_MAX || o->web.n_names == WEB_NAMES_MAX || strpbrk(name, ":/[] ")) {
        fprintf(stderr, "miio_web: --name: \"%s\": a host's name, without port, at most 6 of them\n", name);
        return false;
    }
    for (size_t i = 0; i <= strlen(name); i++)
        to[i] = (char) tolower((unsigned char) name[i]);
    o->web.names[o->web.n_names++] = to;
    return true;
}

static void add_own_names(struct options *o)
{
    char name[HOST_NAME_MAX + 8] = "";

    if (gethostname(name, HOST_NAME_MAX) < 0 || !name[0])
        return;
    add_name(o, name);
    if (!strchr(name, '.')) {
        strcat(name, ".local");
        add_name(o, name);
    }
}

static bool set_listen(struct options *o, const char *text)
{
    const char *why = "an address such as 127.0.0.1:8086 is wanted";

    if (ag_addr_parse(text, &o->listen, &why) == 0 && o->listen.kind == AG_ADDR_INET)
        return true;
    fprintf(stderr, "miio_web: --listen: %s: %s\n", text, why);
    return false;
}

/* false: usage error; standard error says which. */
static bool set_option(struct options *o, int c, const char *arg)
{
    unsigned n;

    switch (c) {
    case 'i':
        return set_listen(o, arg);
    case 'p':
        if (strcmp(arg, "none") == 0)
            return o->password_file[0] = '\0', true;
        o->password_given = true;
        return set_path("password-file", arg, o->password_file);
    case 'P':
        return o->set_password = true;
    case 'u':
        return o->web.any_local_user = true;
    case 's':
        return set_number("session-minutes", arg, 1, 10080, &n) && (o->web.idle_ms = n * MINUTE_MS);
    case 'n':
        return add_name(o, arg);
    case 'c':
        return set_path("cert", arg, o->cert);
    case 'k':
        return set_path("key", arg, o->key);
    case 'm':
        o->web.model = o->model;
        return set_path("model", arg, o->model);
    case 'w':
        o->web.networks = o->networks;
        return set_path("networks", arg, o->networks);
    case 'b':
        o->web.miioctl = arg;
        return true;
    case 'a':
        o->web.agent = arg;
        return true;
    case 'D':
        return o->daemonize = true;
    case 'l':
        return set_number("loglevel", arg, 0, 4, &n) && (o->log_level = (int) n, true);
    case 'L':
        return set_path("logfile", arg, o->log_file);
    default:
        fprintf(stderr, "see miio_web --help\n");
        return false;
    }
}

/* -1: go on; else the exit code. */
static int read_options(struct options *o, int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "Dl:L:vh", long_options, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return AG_EXIT_OK;
        }
        if (c == 'v') {
            puts("miio_web " MIIO_VERSION);
            return AG_EXIT_OK;
        }
        if (!set_option(o, c, optarg))
            return AG_EXIT_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "miio_web: \"%s\" is not an option; see miio_web --help\n", argv[optind]);
        return AG_EXIT_USAGE;
    }
    if (!o->cert[0] != !o->key[0]) {
        fprintf(stderr, "miio_web: --cert and --key belong together\n");
        return AG_EXIT_USAGE;
    }
    return -1;
}

/* ---- what the options lead to ---- */

/* The password's hash. An exit code, or -1: go on. */
static int read_password(struct options *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = o->password_file[0] ? ag_file_read(o->password_file, 4096, &text) : -ENOENT;

    if (r == -ENOENT && !o->password_given)
        return -1;
    if (r < 0) {
        fprintf(stderr, "miio_web: %s: %s\n", o->password_file, strerror(-r));
        return AG_EXIT_CONFIG;
    }
    if (!web_password_parse(ag_buf_span(&text), &o->web.password)) {
        fprintf(stderr, "miio_web: %s: no line of miio_web --set-password\n", o->password_file);
        return AG_EXIT_CONFIG;
    }
    ag_trust_warn(o->password_file, AG_TRUST_SECRET);
    o->web.has_password = true;
    return -1;
}

/* Nobody but this machine reaches the page without a password. An exit code, or -1. */
static int check_reach(const struct options *o)
{
    char text[AG_ADDR_TEXT_MAX];

    if (ag_addr_is_local(&o->listen))
        return -1;
    if (!o->web.has_password) {
        fprintf(stderr, "miio_web: --listen %s: beyond loopback a password is needed: miio_web --set-password\n",
                ag_addr_format(&o->listen, text));
        return AG_EXIT_CONFIG;
    }
    if (!o->cert[0])
        ag_log(AG_LOG_WARNING,
               "the page is offered beyond this machine without TLS: who shares the network can read password and sessions");
    return -1;
}

static bool read_pem(const char *path, struct ag_buf *out, const char **text)
{
    int r = path[0] ? ag_file_read(path, PEM_MAX, out) : 0;

    if (r < 0)
        fprintf(stderr, "miio_web: %s: %s\n", path, strerror(-r));
    *text = path[0] ? ag_buf_cstr(out) : NULL;
    return r == 0;
}

/* A listening socket, or -errno. */
static int listen_at(struct ag_addr *a)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *) &a->sa, a->len) < 0 || listen(fd, BACKLOG) < 0 || ag_addr_of_socket(fd, a) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* ---- running ---- */

static void stop(void *user)
{
    web_stop(&((struct program *) user)->web);
}

static const struct ag_program_ops ops = {.stop = stop};

static int run(struct options *o)
{
    static struct program p;
    char text[AG_ADDR_TEXT_MAX];
    int r = listen_at(&o->listen);

    if (r < 0) {
        fprintf(stderr, "miio_web: %s: %s\n", ag_addr_format(&o->listen, text), strerror(-r));
        return AG_EXIT_RUNTIME;
    }
    o->web.server.listen_fd = r;
    if (ag_program_start(&p.frame, "miio_web", o->daemonize, &ops, &p) < 0)
        return AG_EXIT_RUNTIME;
    if (web_start(&p.web, &p.frame.loop, &o->web) == 0)
        ag_program_ready(&p.frame, "url=%s://%s/ password=%s", o->cert[0] ? "https" : "http", ag_addr_format(&o->listen, text),
                         o->web.has_password ? "yes" : "no");
    else
        ag_program_stop(&p.frame, AG_EXIT_RUNTIME);
    ag_program_run(&p.frame);
    web_deinit(&p.web);
    return ag_program_end(&p.frame);
}

int main(int argc, char **argv)
{
    static struct options o = {.web = {.miioctl = "miioctl", .idle_ms = 30 * MINUTE_MS, .life_ms = 12 * 60 * MINUTE_MS},
                               .password_file = PASSWORD_FILE,
                               .log_level = AG_LOG_INFO};
    ag_cleanup(ag_buf_deinit) struct ag_buf cert = AG_BUF_INIT, key = AG_BUF_SECRET_INIT;
    int r;

    set_listen(&o, "127.0.0.1:8086");
    r = read_options(&o, argc, argv);
    if (r >= 0)
        return r;
    if (o.set_password && !o.password_file[0])
        return AG_EXIT_USAGE;
    if (o.set_password)
        return web_set_password(o.password_file) == 0 ? AG_EXIT_OK : AG_EXIT_RUNTIME;
    add_own_names(&o);
    if (ag_program_log("miio_web", o.log_level, o.log_file) < 0)
        return AG_EXIT_RUNTIME;
    r = read_password(&o);
    if (r < 0)
        r = check_reach(&o);
    if (r < 0 && (!read_pem(o.cert, &cert, &o.web.server.cert_pem) || !read_pem(o.key, &key, &o.web.server.key_pem)))
        r = AG_EXIT_CONFIG;
    ag_trust_warn(o.key, AG_TRUST_SECRET);
    ag_trust_warn(o.networks, AG_TRUST_SETTINGS);
    /* one thread beside the loop, for sums of passwords, and only once somebody logs in */
    setenv("UV_THREADPOOL_SIZE", "1", 0);
    return r >= 0 ? r : run(&o);
}
