/* SPDX-License-Identifier: MIT */
/* miio_ota: options, signals, exit code. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/apps/ota/ota.h"
#include "libagent/core/log/log.h"
#include "libagent/io/command_line.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/file.h"
#include "libagent/io/http/http_child.h"
#include "libagent/io/program.h"

enum { DIR_MAX = 400 };

struct options {
    struct ota_options ota;
    char dir[DIR_MAX + 2];
    /* "": not given */
    char hook[PATH_MAX], verify[PATH_MAX], reboot[PATH_MAX], ca_file[PATH_MAX], log_file[PATH_MAX], agent[PATH_MAX];
    int log_level;
    bool daemonize, no_split;
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
               "  --retry-pause MS        before the first of them, doubled each time to 600000 (1000)\n"
               "  --progress-interval MS  least time between two reports of progress (1000)\n"
               "  --max-size BYTES        of a file (268435456)\n"
               "  --keep-free BYTES       space that a download leaves to others (1048576)\n"
               "  --ca-file FILE          trusted certificates (the system's)\n"
               "  --agent ADDR            of miio_agent ($MIIO_AGENT, its socket, TCP 54320)\n"
               "  -D, --daemonize   -l, --loglevel 0..4   -L, --logfile FILE\n"
               "  -v, --version     -h, --help\n");
}

static int set_dir(void *to, const struct ag_option *row, const char *dir, char *reason, size_t n)
{
    struct options *o = to;
    size_t len = strlen(dir);
    char text[sizeof o->dir];

    (void) row;
    if (len == 0 || len > DIR_MAX) {
        snprintf(reason, n, "must have 1 to %d bytes", DIR_MAX);
        return -EINVAL;
    }
    snprintf(text, sizeof text, "%s%s", dir, dir[len - 1] == '/' ? "" : "/");
    if (ag_file_make_absolute(text, sizeof text) < 0) {
        snprintf(reason, n, "with the working directory longer than %d bytes", DIR_MAX);
        return -EINVAL;
    }
    memcpy(o->dir, text, sizeof text);
    return 0;
}

/* One that can be run. */
static int set_hook(void *to, const struct ag_option *row, const char *path, char *reason, size_t n)
{
    if (access(path, X_OK) == 0)
        return ag_option_path(path, (char *) to + row->at, row->size, reason, n);
    snprintf(reason, n, "%s", strerror(errno));
    return -EINVAL;
}

enum { TIME_MAX = 86400000 };

#define AT(member) AG_OPTION_FIELD(struct options, member)

static const struct ag_option rows[] = {
    {.name = "dir", .set = set_dir},
    {.name = "install-hook", .set = set_hook, AT(hook)},
    {"install-timeout", NULL, 0, AG_OPTION_NUMBER, AT(ota.install_timeout_s), .most = TIME_MAX},
    {"reboot-program", NULL, 0, AG_OPTION_PROGRAM, AT(reboot)},
    {"reboot-wait", NULL, 0, AG_OPTION_NUMBER, AT(ota.reboot_wait_ms), .most = TIME_MAX},
    {"require-sha256", NULL, 0, AG_OPTION_FLAG, AT(ota.require_sha256)},
    {"require-https", NULL, 0, AG_OPTION_FLAG, AT(ota.require_https)},
    {.name = "verify-hook", .set = set_hook, AT(verify)},
    {"verify-timeout", NULL, 0, AG_OPTION_NUMBER, AT(ota.verify_timeout_s), .most = TIME_MAX},
    {"keep-free", NULL, 0, AG_OPTION_NUMBER, AT(ota.keep_free), .most = UINT64_MAX},
    {"no-split", NULL, 0, AG_OPTION_FLAG, AT(no_split)},
    {"retries", NULL, 0, AG_OPTION_NUMBER, AT(ota.machine.n_retries), .most = TIME_MAX},
    {"retry-pause", NULL, 0, AG_OPTION_NUMBER, AT(ota.machine.retry_ms), .most = OTA_RETRY_MAX_MS},
    {"progress-interval", NULL, 0, AG_OPTION_NUMBER, AT(ota.machine.progress_ms), .most = TIME_MAX},
    {"max-size", NULL, 0, AG_OPTION_NUMBER, AT(ota.max_bytes), .most = UINT64_MAX},
    {"ca-file", NULL, 0, AG_OPTION_PATH, AT(ca_file)},
    {"agent", NULL, 0, AG_OPTION_TEXT, AT(agent)},
    {"daemonize", NULL, 'D', AG_OPTION_FLAG, AT(daemonize)},
    {"loglevel", NULL, 'l', AG_OPTION_NUMBER, AT(log_level), .most = 4},
    {"logfile", NULL, 'L', AG_OPTION_PATH, AT(log_file)},
};

static const char *given(const char *text)
{
    return *text ? text : NULL;
}

static void complete(struct options *o)
{
    o->ota.dir = o->dir;
    o->ota.hook = given(o->hook);
    o->ota.verify = given(o->verify);
    o->ota.reboot = given(o->reboot);
    o->ota.ca_file = given(o->ca_file);
    o->ota.agent = given(o->agent);
    o->ota.machine.split = !o->no_split;
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

static void set_defaults(struct options *o)
{
    o->ota = (struct ota_options){.install_timeout_s = 600,
                                  .verify_timeout_s = 60,
                                  .reboot_wait_ms = 5000,
                                  .keep_free = 1 << 20,
                                  .max_bytes = 256ull << 20,
                                  .machine = {.n_retries = 3, .retry_ms = 1000, .progress_ms = 1000}};
    strcpy(o->dir, "/var/lib/miio/ota/");
    o->log_level = AG_LOG_INFO;
}

int main(int argc, char **argv)
{
    static const struct ag_command_line line = {"miio_ota", usage, rows, ag_array_size(rows), AG_WORDS_NONE};
    static struct options o; /* without values here: 25 KB of them would be in the file */
    int code;

    ag_http_child(argc, argv);
    set_defaults(&o);
    code = ag_command_line_read(&line, argc, argv, &o);
    if (code >= 0)
        return code;
    complete(&o);
    return ag_program_log("miio_ota", o.log_level, o.log_file) < 0 ? AG_EXIT_RUNTIME : run(&o);
}
