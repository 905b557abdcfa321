/* SPDX-License-Identifier: MIT */
/* miio_mcu: options, signals, exit code. */
#include <stdio.h>
#include <string.h>
#include "agent/apps/mcu/mcu.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/file.h"
#include "libagent/io/program.h"

struct program {
    struct mcu_conf conf;
    struct mcu mcu;
    struct ag_program frame;
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

/* Warns of files that others could write: they are believed, or run with our rights. */
static void warn_of_modes(const struct program *p)
{
    ag_trust_warn(p->conf.config[0] ? p->conf.config : NULL, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_reboot, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_restore, AG_TRUST_SETTINGS);
    ag_trust_warn(p->conf.hook_factory, AG_TRUST_SETTINGS);
}

static int run(struct program *p)
{
    if (make_absolute(&p->conf) < 0 || ag_program_log("miio_mcu", (int) p->conf.log_level, p->conf.log_file) < 0)
        return AG_EXIT_RUNTIME;
    warn_of_modes(p); /* before the directory of the config file is left */
    if (ag_program_start(&p->frame, "miio_mcu", p->conf.background, &ops, p) < 0)
        return AG_EXIT_RUNTIME;
    if (mcu_open(&p->mcu, &p->frame.loop, &p->conf) < 0)
        return AG_EXIT_RUNTIME; /* the log says why; the process ends, and with it what was opened */
    ag_program_ready(&p->frame, "tty=%s state=%s", p->conf.tty, p->mcu.tty.fd >= 0 ? "open" : "absent");
    ag_program_run(&p->frame);
    mcu_deinit(&p->mcu);
    return ag_program_end(&p->frame);
}

int main(int argc, char **argv)
{
    const struct ag_command_line line = {"miio_mcu", usage, mcu_conf_rows, mcu_conf_n_rows, AG_WORDS_NONE};
    static struct program program;
    int r;

    mcu_conf_init(&program.conf);
    r = ag_command_line_read(&line, argc, argv, &program.conf);
    if (r >= 0)
        return r;
    if (!*program.conf.tty) {
        fputs("miio_mcu: no serial device: give --tty DEV\n", stderr);
        return AG_EXIT_USAGE;
    }
    return program.conf.check_only ? AG_EXIT_OK : run(&program);
}
