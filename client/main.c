/* miio_client: options, configuration, signals, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#ifdef MIIO_TLS
#include <openssl/crypto.h>
#endif
#include "client/client.h"
#include "client/device/io/heap.h"
#include "client/options.h"
#include "libagent/core/log/log.h"
#include "libagent/io/daemon.h"
#include "libagent/io/watchdog.h"

enum { EXIT_CONFIG = 78, N_SIGNALS = 4, TRANSIENT = 512 << 10 /* of texts on their way */ };

struct daemon {
    uv_loop_t loop;
    uv_signal_t signals[N_SIGNALS];
    struct ag_watchdog watchdog;
    struct client client;
    int argc;
    char **argv;
    int start_dir; /* where relative paths of the command line begin */
    bool background, ending, failed;
};

static void on_client_closed(void *user)
{
    struct daemon *d = user;

    for (int i = 0; i < N_SIGNALS; i++)
        uv_close((uv_handle_t *) &d->signals[i], NULL);
    ag_watchdog_stop(&d->watchdog);
    ag_daemon_leaving();
}

static void daemon_end(struct daemon *d)
{
    if (d->ending)
        return;
    d->ending = true;
    ag_daemon_leave(d->failed ? EXIT_FAILURE : EXIT_SUCCESS);
    ag_daemon_notify("STOPPING=1");
    client_close(&d->client, on_client_closed, d);
}

/* Bad new settings change nothing; what was wrong has been told on standard error. */
static void reload(struct daemon *d)
{
    struct options fresh;
    int code;
    bool ok;

    ag_log_reopen();
    optind = 0; /* glibc: begin anew */
    ok = fchdir(d->start_dir) == 0 && options_read(&fresh, d->argc, d->argv, &code);
    if (d->background && chdir("/") < 0)
        ag_log(AG_LOG_WARNING, "/: %s", strerror(errno));
    if (!ok) {
        ag_log(AG_LOG_ERROR, "configuration kept as it was");
        return;
    }
    ag_log_set_level(fresh.log_level);
    client_reload(&d->client, &fresh.client);
    cloud_links_take_list(&d->client, fresh.client.cloud, &fresh.conf);
    options_deinit(&fresh);
    ag_log(AG_LOG_INFO, "configuration read again");
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct daemon *d = h->data;

    if (signum == SIGHUP) {
        reload(d);
    } else if (signum == SIGUSR1) {
        client_log_state(&d->client);
    } else {
        ag_log(AG_LOG_INFO, "terminating on signal %d", signum);
        daemon_end(d);
    }
}

static void signals_start(struct daemon *d)
{
    static const int numbers[N_SIGNALS] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    for (int i = 0; i < N_SIGNALS; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }
}

static int say_ready(struct daemon *d, struct ag_daemon *background)
{
    char local[AG_ADDR_TEXT_MAX], lan[AG_ADDR_TEXT_MAX], ble[AG_ADDR_TEXT_MAX], clouds[CLOUD_LIST_MAX];

    return ag_daemon_ready(background, "local=%s lan=%s ble=%s cloud=%s",
                           ag_addr_format(&d->client.local_bound, local),
                           ag_addr_format(&d->client.lan_bound, lan), ag_addr_format(&d->client.ble_bound, ble),
                           cloud_links_names(&d->client, clouds));
}

static int run(struct daemon *d, struct options *o, struct ag_daemon *background)
{
    char error[DATA_ERROR_MAX] = "";
    int r;

    if (uv_loop_init(&d->loop) < 0)
        return EXIT_FAILURE;
    signals_start(d);
    r = client_open(&d->client, &d->loop, &o->client, &o->conf, error);
    if (r < 0) {
        fprintf(stderr, "miio_client: %s\n", error);
        d->failed = true;
        daemon_end(d);
    } else {
        ag_watchdog_start(&d->watchdog, &d->loop);
        heap_set_roof(d->client.options.memory_limit + TRANSIENT);
        say_ready(d, background);
    }
    uv_run(&d->loop, UV_RUN_DEFAULT);
    client_deinit(&d->client);
    uv_loop_close(&d->loop);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct daemon d; /* large, and gone with the process */
    struct ag_daemon background = AG_DAEMON_INIT;
    struct options o;
    int code;

    signal(SIGPIPE, SIG_IGN);
    heap_settle();
#ifdef MIIO_TLS
    /* A link's thread that was left behind may be in OpenSSL when the process ends: nothing is taken away below it. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
#endif
    if (!options_read(&o, argc, argv, &code))
        return code;
    ag_log_set_priorities(ag_daemon_is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO));
    ag_log_set_level(o.log_level);
    code = ag_log_open(o.log_file);
    if (code < 0) {
        fprintf(stderr, "miio_client: %s: %s\n", o.log_file, strerror(-code));
        return EXIT_CONFIG;
    }
    if (ag_log_keep() < 0)
        ag_log(AG_LOG_WARNING, "out of memory: no lines are kept for client.log");
    d.argc = argc;
    d.argv = argv;
    d.background = o.background;
    d.start_dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (o.background && ag_daemon_start(&background) < 0) {
        fprintf(stderr, "miio_client: cannot go into the background: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    code = run(&d, &o, &background);
    options_deinit(&o);
    return code;
}
