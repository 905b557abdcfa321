/* SPDX-License-Identifier: MIT */
/* miio_ota: options, signals, exit code. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/apps/ota/ota.h"
#include "libagent/core/log/log.h"
#include "libagent/io/file.h"
#include "libagent/io/http/http_child.h"
#include "libagent/io/option.h"
#include "libagent/io/program.h"

enum { DIR_MAX = 400 };

struct options {
    struct ota_options ota;
    char dir[DIR_MAX + 2];
    /* "": not given */
    char hook[PATH_MAX], verify[PATH_MAX], reboot[PATH_MAX], ca_file[PATH_MAX], log_file[PATH_MAX];
    int log_level;
    bool daemonize;
};

struct program {
    struct ota ota;
    struct ag_program frame;
};

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_ota [options]\n"
               "Downloads and installs firmware on the cloud's command miIO.ota.\n\n"
               "  --dir DIR               files and state (/var/lib/miio/ota)\n"
               "  --install-hook PROG     PROG FILE MD5 silent|normal installs; exit status 0 is success\n"
               "  --install-timeout S     then the hook is killed (600)\n"
               "  --reboot-program PROG   is run after an installation, when the cloud knows\n"
               "  --reboot-wait MS        or this long after it (5000)\n"
               "  --require-sha256        refuse commands without file_sha256\n"
               "  --require-https         refuse addresses that are not https\n"
               "  --verify-hook PROG      PROG FILE MD5 looks at the signature; exit status 0: genuine\n"
               "  --verify-timeout S      then it is killed and the file refused (60)\n"
               "  --no-split              the device cannot download without installing\n"
               "  --retries N             tries in a row that get no further, after the first (3)\n"
               "  --retry-pause MS        before the first of them, doubled each time (1000)\n"
               "  --progress-interval MS  least time between two reports of progress (1000)\n"
               "  --max-size BYTES        of a file (268435456)\n"
               "  --keep-free BYTES       space that a download leaves to others (1048576)\n"
               "  --ca-file FILE          trusted certificates (the system's)\n"
               "  --agent ADDR            of miio_agent ($MIIO_AGENT, its socket, TCP 54320)\n"
               "  -D, --daemonize   -l, --loglevel 0..4   -L, --logfile FILE\n"
               "  -v, --version     -h, --help\n");
}

static bool set_dir(struct options *o, const char *dir)
{
    size_t n = strlen(dir);

    if (n == 0 || n > DIR_MAX) {
        fprintf(stderr, "miio_ota: --dir: 1 to %d bytes\n", DIR_MAX);
        return false;
    }
    snprintf(o->dir, sizeof o->dir, "%s%s", dir, dir[n - 1] == '/' ? "" : "/");
    o->ota.dir = o->dir;
    if (ag_file_make_absolute(o->dir, sizeof o->dir) == 0)
        return true;
    fprintf(stderr, "miio_ota: --dir: %s: with the working directory more than %d bytes\n", dir, DIR_MAX);
    return false;
}

/* NULL: refused, with the reason on standard error. */
static const char *set_path(const char *name, const char *path, char out[PATH_MAX])
{
    return ag_option_take_path("miio_ota", name, path, out, PATH_MAX) ? out : NULL;
}

/* The same. */
static const char *set_program(const char *name, const char *prog, char out[PATH_MAX])
{
    if (access(prog, X_OK) == 0)
        return set_path(name, prog, out);
    fprintf(stderr, "miio_ota: --%s: %s: %s\n", name, prog, strerror(errno));
    return NULL;
}

static bool set_number(struct options *o, int opt, const char *name, const char *text)
{
    uint64_t v;

    if (!ag_option_take_number("miio_ota", name, text, 0, opt == 'm' || opt == 'k' ? UINT64_MAX : opt == 'l' ? 4 : 86400000, &v))
        return false;
    switch (opt) {
    case 't':
        o->ota.install_timeout_s = (unsigned) v;
        break;
    case 'T':
        o->ota.verify_timeout_s = (unsigned) v;
        break;
    case 'w':
        o->ota.reboot_wait_ms = (unsigned) v;
        break;
    case 'k':
        o->ota.keep_free = v;
        break;
    case 'r':
        o->ota.machine.n_retries = (unsigned) v;
        break;
    case 'p':
        o->ota.machine.retry_ms = (unsigned) (v < 600000 ? v : 600000);
        break;
    case 'i':
        o->ota.machine.progress_ms = (unsigned) v;
        break;
    case 'm':
        o->ota.max_bytes = v;
        break;
    default:
        o->log_level = (int) v;
    }
    return true;
}

static const struct option long_options[] = {
    {"dir", required_argument, NULL, 'd'},
    {"install-hook", required_argument, NULL, 'H'},
    {"install-timeout", required_argument, NULL, 't'},
    {"reboot-program", required_argument, NULL, 'R'},
    {"reboot-wait", required_argument, NULL, 'w'},
    {"require-sha256", no_argument, NULL, '2'},
    {"require-https", no_argument, NULL, 's'},
    {"verify-hook", required_argument, NULL, 'V'},
    {"verify-timeout", required_argument, NULL, 'T'},
    {"keep-free", required_argument, NULL, 'k'},
    {"no-split", no_argument, NULL, 'S'},
    {"retries", required_argument, NULL, 'r'},
    {"retry-pause", required_argument, NULL, 'p'},
    {"progress-interval", required_argument, NULL, 'i'},
    {"max-size", required_argument, NULL, 'm'},
    {"ca-file", required_argument, NULL, 'c'},
    {"agent", required_argument, NULL, 'a'},
    {"daemonize", no_argument, NULL, 'D'},
    {"loglevel", required_argument, NULL, 'l'},
    {"logfile", required_argument, NULL, 'L'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *name_of(int opt)
{
    const struct option *o = long_options;

    while (o->name && o->val != opt)
        o++;
    return o->name ? o->name : "?";
}

/* false: usage error; standard error says which. */
static bool set_option(struct options *o, int opt, const char *arg)
{
    switch (opt) {
    case 'd':
        return set_dir(o, arg);
    case 'H':
        o->ota.hook = set_program(name_of(opt), arg, o->hook);
        return o->ota.hook;
    case 'V':
        o->ota.verify = set_program(name_of(opt), arg, o->verify);
        return o->ota.verify;
    case '2':
        o->ota.require_sha256 = true;
        return true;
    case 's':
        o->ota.require_https = true;
        return true;
    case 'R':
        /* without a slash it is looked up by $PATH */
        o->ota.reboot = strchr(arg, '/') ? set_path(name_of(opt), arg, o->reboot) : arg;
        return o->ota.reboot;
    case 'S':
        o->ota.machine.split = false;
        return true;
    case 'c':
        o->ota.ca_file = set_path(name_of(opt), arg, o->ca_file);
        return o->ota.ca_file;
    case 'a':
        o->ota.agent = arg;
        return true;
    case 'D':
        o->daemonize = true;
        return true;
    case 'L':
        return set_path(name_of(opt), arg, o->log_file);
    case 't':
    case 'T':
    case 'w':
    case 'k':
    case 'r':
    case 'p':
    case 'i':
    case 'm':
    case 'l':
        return set_number(o, opt, name_of(opt), arg);
    default:
        fprintf(stderr, "see miio_ota --help\n");
        return false;
    }
}

static void stop(void *user)
{
    ota_stop(&((struct program *) user)->ota);
}

static const struct ag_program_ops ops = {.stop = stop};

static int run(const struct options *o)
{
    struct program p = {0};

    if (ag_program_start(&p.frame, "miio_ota", o->daemonize, &ops, &p) < 0)
        return AG_EXIT_RUNTIME;
    if (ota_start(&p.ota, &p.frame.loop, &o->ota) == 0)
        ag_program_ready(&p.frame, "dir=%s agent=%s", o->ota.dir, o->ota.agent ? o->ota.agent : "default");
    else
        ag_program_stop(&p.frame, AG_EXIT_RUNTIME);
    ag_program_run(&p.frame);
    ota_deinit(&p.ota);
    return ag_program_end(&p.frame);
}

int main(int argc, char **argv)
{
    struct options o = {
        .ota = {.install_timeout_s = 600,
                .verify_timeout_s = 60,
                .reboot_wait_ms = 5000,
                .keep_free = 1 << 20,
                .max_bytes = 256ull << 20,
                .machine = {.split = true, .n_retries = 3, .retry_ms = 1000, .progress_ms = 1000}},
        .log_level = AG_LOG_INFO,
    };
    int opt;

    ag_http_child(argc, argv);
    set_dir(&o, "/var/lib/miio/ota");
    while ((opt = getopt_long(argc, argv, "Dl:L:vh", long_options, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            return 0;
        }
        if (opt == 'v') {
            puts("miio_ota " MIIO_VERSION);
            return 0;
        }
        if (!set_option(&o, opt, optarg))
            return AG_EXIT_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "miio_ota: \"%s\" is not an option; see miio_ota --help\n", argv[optind]);
        return AG_EXIT_USAGE;
    }
    return ag_program_log("miio_ota", o.log_level, o.log_file) < 0 ? AG_EXIT_RUNTIME : run(&o);
}
