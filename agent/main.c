/* miio_agent: options, signals, exit code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include "agent/hub.h"
#include "agent/settings.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/daemon.h"
#include "libagent/io/watchdog.h"

struct program {
    int argc;
    char **argv;
    char dir[SETTINGS_PATH_MAX]; /* of the start */
    struct hub hub;
    uv_signal_t signals[4];
    struct ag_watchdog watchdog;
};

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

static void reload(struct program *p)
{
    char error[AG_INI_ERROR_MAX];
    struct settings s;

    ag_log_reopen();
    if (settings_read(&s, p->argc, p->argv, p->dir, error) == 0) {
        hub_reload(&p->hub, &s);
        ag_log(AG_LOG_INFO, "configuration read again");
    } else {
        ag_log(AG_LOG_ERROR, "configuration kept as it was: %s", error);
    }
    settings_deinit(&s);
    hub_flush(&p->hub);
}

static void stop(struct program *p)
{
    ag_daemon_leave(0);
    ag_daemon_notify("STOPPING=1");
    for (size_t i = 0; i < ag_array_size(p->signals); i++)
        if (!uv_is_closing((uv_handle_t *) &p->signals[i]))
            uv_close((uv_handle_t *) &p->signals[i], NULL);
    ag_watchdog_stop(&p->watchdog);
    ag_daemon_leaving();
    hub_stop(&p->hub);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;

    if (number == SIGHUP) {
        reload(p);
    } else if (number == SIGUSR1) {
        hub_log_state(&p->hub);
    } else {
        ag_log(AG_LOG_INFO, "terminating on signal %d", number);
        stop(p);
    }
}

static void watch_signals(struct program *p, uv_loop_t *loop)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ag_array_size(p->signals); i++) {
        uv_signal_init(loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, signal_numbers[i]);
    }
}

/* The real addresses, with the ports the kernel chose. */
static void tell_ready(const struct hub *h, struct ag_daemon *d)
{
    const char *shown[] = {[AG_ADDR_INET] = "none", [AG_ADDR_UNIX] = "none", [AG_ADDR_SEQPACKET] = "none"};
    char text[HUB_LISTENERS][AG_ADDR_TEXT_MAX];

    for (size_t i = 0; i < h->n_listeners; i++)
        shown[h->listeners[i].addr.kind] = ag_addr_format(&h->listeners[i].addr, text[i]);
    ag_daemon_ready(d, "listen=%s unix=%s seqpacket=%s", shown[AG_ADDR_INET], shown[AG_ADDR_UNIX],
                    shown[AG_ADDR_SEQPACKET]);
}

static int run(struct program *p, struct settings *s)
{
    struct ag_daemon d = AG_DAEMON_INIT;
    uv_loop_t loop;
    int r;

    if (s->daemonize && (r = ag_daemon_start(&d)) < 0) {
        ag_log(AG_LOG_ERROR, "cannot go into the background: %s", strerror(-r));
        return 1;
    }
    if (uv_loop_init(&loop) < 0)
        return 1;
    r = hub_start(&p->hub, &loop, s);
    if (r == 0) {
        watch_signals(p, &loop);
        ag_watchdog_start(&p->watchdog, &loop);
        tell_ready(&p->hub, &d);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    hub_deinit(&p->hub);
    uv_loop_close(&loop);
    return r == 0 ? 0 : 1;
}

static int start(struct program *p, struct settings *s)
{
    int r;

    ag_log_set_priorities(ag_daemon_is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO));
    ag_log_set_level(s->log_level);
    r = s->log_file[0] ? ag_log_open(s->log_file) : 0;
    if (r < 0) {
        fprintf(stderr, "miio_agent: %s: %s\n", s->log_file, strerror(-r));
        return 1;
    }
    if (ag_log_keep() < 0)
        ag_log(AG_LOG_WARNING, "out of memory: no lines are kept for agent.log");
    ag_trust_warn(s->config, AG_TRUST_SETTINGS);
    return run(p, s);
}

int main(int argc, char **argv)
{
    struct program p = {.argc = argc, .argv = argv};
    char error[AG_INI_ERROR_MAX];
    struct settings s;
    int r;

    if (!getcwd(p.dir, sizeof p.dir))
        strcpy(p.dir, "/");
    r = settings_read(&s, argc, argv, p.dir, error);
    if (r != 0) {
        fprintf(stderr, "miio_agent: %s\n", error);
    } else if (s.show_help) {
        settings_usage();
    } else if (s.show_version) {
        puts("miio_agent " MIIO_VERSION);
    } else if (s.check_only) {
        puts("configuration is good");
    } else {
        r = start(&p, &s);
    }
    settings_deinit(&s);
    return r;
}
