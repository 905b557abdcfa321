/* SPDX-License-Identifier: MIT */
/* miio_client: options, configuration, signals, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef MIIO_TLS
#include <openssl/crypto.h>
#endif
#include "client/client.h"
#include "client/device/io/heap.h"
#include "client/options/options.h"
#ifdef MIIO_HTTP
#include "libagent/io/http/http_child.h"
#endif
#include "libagent/core/log/log.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/program.h"

struct daemon {
    struct ag_program frame;
    struct client client;
    int argc;
    char **argv;
    int start_dir; /* where relative paths of the command line begin */
    bool background;
};

static void on_client_closed(void *user)
{
    (void) user;
}

static void stop(void *user)
{
    client_close(&((struct daemon *) user)->client, on_client_closed, NULL);
}

static void log_state(void *user)
{
    status_log(&((struct daemon *) user)->client.parts);
}

/* Bad new settings change nothing; what was wrong is in the log. */
static void reload(void *user)
{
    struct daemon *d = user;
    struct options fresh;
    int code;
    bool ok;

    optind = 0; /* glibc: start over */
    ok = fchdir(d->start_dir) == 0 && options_read(&fresh, d->argc, d->argv, &code);
    if (d->background && chdir("/") < 0)
        ag_log(AG_LOG_WARNING, "/: %s", strerror(errno));
    if (!ok) {
        ag_log(AG_LOG_ERROR, "configuration kept as it was");
        return;
    }
    ag_log_set_level(fresh.log_level);
    client_reload(&d->client, &fresh.client);
    cloud_links_take_list(&d->client.clouds, fresh.client.cloud, &fresh.conf);
    options_deinit(&fresh);
    ag_log(AG_LOG_INFO, "configuration read again");
}

static const struct ag_program_ops ops = {.stop = stop, .reload = reload, .log_state = log_state};

static void say_ready(struct daemon *d)
{
    char local[AG_ADDR_TEXT_MAX], lan[AG_ADDR_TEXT_MAX], ble[AG_ADDR_TEXT_MAX], clouds[CLOUD_LIST_MAX];

    ag_program_ready(&d->frame, "local=%s lan=%s ble=%s cloud=%s", ag_addr_format(&d->client.peers.bound, local),
                     ag_addr_format(&d->client.phones.bound, lan), ag_addr_format(&d->client.ble.bound, ble),
                     cloud_links_names(&d->client.clouds, clouds));
}

static int run(struct daemon *d, struct options *o)
{
    char error[DATA_ERROR_MAX] = "";

    if (ag_program_start(&d->frame, "miio_client", o->background, &ops, d) < 0)
        return AG_EXIT_RUNTIME;
    if (client_open(&d->client, &d->frame.loop, &o->client, &o->conf, error) < 0) {
        fprintf(stderr, "miio_client: %s\n", error);
        ag_program_stop(&d->frame, AG_EXIT_RUNTIME);
    } else {
        heap_set_roof(d->client.options.memory_limit);
        say_ready(d);
    }
    ag_program_run(&d->frame);
    client_deinit(&d->client);
    return ag_program_end(&d->frame);
}

int main(int argc, char **argv)
{
    static struct daemon d; /* large, and gone with the process */
    struct options o;
    int code;

#ifdef MIIO_HTTP
    ag_http_child(argc, argv);
#endif
    heap_settle();
#ifdef MIIO_TLS
    /* A link's thread that was left behind may be in OpenSSL when the process ends: nothing that it uses may be freed. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
#endif
    if (!options_read(&o, argc, argv, &code))
        return code;
    if (ag_program_log("miio_client", o.log_level, o.log_file) < 0)
        return AG_EXIT_CONFIG;
    if (ag_log_keep() < 0)
        ag_log(AG_LOG_WARNING, "out of memory: no lines are kept for client.log");
    d.argc = argc;
    d.argv = argv;
    d.background = o.background;
    d.start_dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    code = run(&d, &o);
    options_deinit(&o);
    return code;
}
