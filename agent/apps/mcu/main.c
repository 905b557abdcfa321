/* SPDX-License-Identifier: MIT */
/* miio_mcu: options, signals, exit code. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "agent/apps/mcu/mcu.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "libagent/io/program.h"

struct program {
    struct mcu_conf conf;
    struct mcu mcu;
    struct ag_program frame;
    const char *config; /* the file, or NULL */
    bool background, check_only;
};

static void usage(FILE *f)
{
    fputs("usage: miio_mcu --tty DEV [options]\n"
          "\n"
          "  -t, --tty DEV           serial device of the MCU, 115200 8N1\n"
          "  -a, --agent ADDR        unix:/path, tcp:HOST:PORT; else $MIIO_AGENT and libagent's defaults\n"
          "  -c, --config FILE       settings, KEY = VALUE each line\n"
          "  -o, --option KEY=VALUE  one setting of the file, given here\n"
          "      --check-config      read the configuration and leave\n"
          "  -D, --daemonize         go into the background\n"
          "  -l, --loglevel N        0 error .. 4 verbose (2)\n"
          "  -L, --logfile FILE      log there instead of standard error\n"
          "  -v, --version\n"
          "  -h, --help\n",
          f);
}

static int set(struct mcu_conf *conf, const char *key, const char *value)
{
    char reason[256] = "";

    if (mcu_conf_set(conf, key, value, reason, sizeof reason) == 0)
        return 0;
    fprintf(stderr, "miio_mcu: %s: %s\n", key, reason);
    return AG_EXIT_USAGE;
}

static int set_option(struct mcu_conf *conf, const char *text)
{
    const char *equals = strchr(text, '=');
    char key[64];

    if (!equals || (size_t) (equals - text) >= sizeof key) {
        fprintf(stderr, "miio_mcu: --option %s: not KEY=VALUE\n", text);
        return AG_EXIT_USAGE;
    }
    memcpy(key, text, (size_t) (equals - text));
    key[equals - text] = '\0';
    return set(conf, key, equals + 1);
}

static int read_config(struct mcu_conf *conf, const char *path)
{
    char error[AG_INI_ERROR_MAX];

    if (mcu_conf_read(conf, path, error) == 0)
        return 0;
    fprintf(stderr, "miio_mcu: %s\n", error);
    return AG_EXIT_CONFIG;
}

enum { OPT_CHECK = 256 };

static const char short_options[] = "t:a:c:o:Dl:L:vh";
static const struct option long_options[] = {
    {"tty", required_argument, NULL, 't'},
    {"agent", required_argument, NULL, 'a'},
    {"config", required_argument, NULL, 'c'},
    {"option", required_argument, NULL, 'o'},
    {"check-config", no_argument, NULL, OPT_CHECK},
    {"daemonize", no_argument, NULL, 'D'},
    {"loglevel", required_argument, NULL, 'l'},
    {"logfile", required_argument, NULL, 'L'},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The file first, whatever its place among the options: the command line wins. -1: go on. */
static int read_files(struct program *p, int argc, char **argv)
{
    int c, r = 0;

    while (r == 0 && (c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            r = read_config(&p->conf, optarg);
            p->config = optarg;
            break;
        case 'v':
            printf("miio_mcu %s\n", MIIO_VERSION);
            return AG_EXIT_OK;
        case 'h':
            usage(stdout);
            return AG_EXIT_OK;
        case '?':
            usage(stderr);
            return AG_EXIT_USAGE;
        default:
            break;
        }
    }
    if (r == 0 && optind < argc) {
        fprintf(stderr, "miio_mcu: unexpected argument \"%s\"\n", argv[optind]);
        return AG_EXIT_USAGE;
    }
    optind = 1;
    return r == 0 ? -1 : r;
}

static int read_options(struct program *p, int argc, char **argv)
{
    int c, r = 0;

    while (r == 0 && (c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        switch (c) {
        case 't':
            r = set(&p->conf, "tty", optarg);
            break;
        case 'a':
            r = set(&p->conf, "agent", optarg);
            break;
        case 'o':
            r = set_option(&p->conf, optarg);
            break;
        case 'l':
            r = set(&p->conf, "log_level", optarg);
            break;
        case 'L':
            r = set(&p->conf, "log_file", optarg);
            break;
        case 'D':
            p->background = true;
            break;
        case OPT_CHECK:
            p->check_only = true;
            break;
        default:
            break;
        }
    }
    if (r == 0 && !*p->conf.tty) {
        fputs("miio_mcu: no serial device: give --tty DEV\n", stderr);
        return AG_EXIT_USAGE;
    }
    return r == 0 ? -1 : r;
}

static void log_state(void *user)
{
    mcu_log_state(&((struct program *) user)->mcu);
}

static void stop(void *user)
{
    mcu_close(&((struct program *) user)->mcu);
}

static const struct ag_program_ops ops = {.stop = stop, .log_state = log_state};

/* In the background the working directory is another. A hook without a slash is looked up by $PATH. */
static int make_absolute(struct mcu_conf *conf)
{
    char *const hooks[] = {conf->hook_reboot, conf->hook_restore, conf->hook_factory};
    char *const paths[] = {conf->tty, conf->update_dir, conf->log_file, hooks[0], hooks[1], hooks[2]};
    size_t n_always = ag_array_size(paths) - ag_array_size(hooks);
    int r = 0;

    for (size_t i = 0; i < ag_array_size(paths) && r == 0; i++) {
        if (i < n_always || strchr(paths[i], '/'))
            r = ag_file_make_absolute(paths[i], MCU_CONF_TEXT_MAX);
        if (r < 0)
            fprintf(stderr, "miio_mcu: %s: %s\n", paths[i], strerror(-r));
    }
    return r;
}

/* What others could write is believed or run with our rights. */
static void warn_of_modes(const struct program *p)
{
    ag_trust_warn(p->config, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_reboot, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_restore, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_factory, AG_TRUST_SETTINGS);
}

static int run(struct program *p)
{
    if (make_absolute(&p->conf) < 0 || ag_program_log("miio_mcu", (int) p->conf.log_level, p->conf.log_file) < 0)
        return AG_EXIT_RUNTIME;
    warn_of_modes(p); /* before the directory of the config file is left */
    if (ag_program_start(&p->frame, "miio_mcu", p->background, &ops, p) < 0)
        return AG_EXIT_RUNTIME;
    if (mcu_open(&p->mcu, &p->frame.loop, &p->conf) < 0)
        return AG_EXIT_RUNTIME; /* the log says why; the process ends, so does what was opened */
    ag_program_ready(&p->frame, "tty=%s state=%s", p->conf.tty, p->mcu.tty.fd >= 0 ? "open" : "absent");
    ag_program_run(&p->frame);
    mcu_deinit(&p->mcu);
    return ag_program_end(&p->frame);
}

int main(int argc, char **argv)
{
    static struct program program;
    int r;

    mcu_conf_init(&program.conf);
    r = read_files(&program, argc, argv);
    if (r < 0)
        r = read_options(&program, argc, argv);
    if (r < 0 && program.check_only)
        r = AG_EXIT_OK;
    return r < 0 ? run(&program) : r;
}
