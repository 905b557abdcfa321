/* SPDX-License-Identifier: MIT */
#include "libagent/io/program.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/log/log.h"
#include "libagent/io/exit_code.h"

int ag_program_log(const char *name, int level, const char *file)
{
    int r;

    ag_log_set_priorities(ag_daemon_is_journal(getenv("JOURNAL_STREAM"), STDERR_FILENO));
    ag_log_set_level(level);
    r = file && file[0] ? ag_log_open(file) : 0;
    if (r < 0)
        fprintf(stderr, "%s: %s: %s\n", name, file, strerror(-r));
    else
        ag_log_begin();
    return r;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct ag_program *p = handle->data;

    if (number == SIGHUP) {
        if (ag_log_reopen() < 0)
            ag_log(AG_LOG_ERROR, "the log file cannot be opened again; the old one stays");
        if (p->ops->reload)
            p->ops->reload(p->user);
    } else if (number == SIGUSR1) {
        p->ops->log_state(p->user);
    } else {
        ag_log(AG_LOG_INFO, "terminating on signal %d", number);
        ag_program_stop(p, AG_EXIT_OK);
    }
}

static void watch_signals(struct ag_program *p)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

    signal(SIGPIPE, SIG_IGN);
    p->n_signals = p->ops->log_state ? 4 : 3;
    for (unsigned i = 0; i < p->n_signals; i++) {
        uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    }
}

int ag_program_start(struct ag_program *p, const char *name, bool background, const struct ag_program_ops *ops, void *user)
{
    int r;

    *p = (struct ag_program){.daemon = AG_DAEMON_INIT, .ops = ops, .user = user};
    r = background ? ag_daemon_start(&p->daemon) : 0;
    if (r < 0) {
        fprintf(stderr, "%s: cannot go into the background: %s\n", name, strerror(-r));
        return r;
    }
    r = uv_loop_init(&p->loop);
    if (r < 0) {
        fprintf(stderr, "%s: does not start: %s\n", name, uv_strerror(r));
        return r;
    }
    watch_signals(p);
    return 0;
}

void ag_program_ready(struct ag_program *p, const char *fmt, ...)
{
    va_list ap;

    ag_watchdog_start(&p->watchdog, &p->loop);
    va_start(ap, fmt);
    ag_daemon_vready(&p->daemon, fmt, ap);
    va_end(ap);
}

void ag_program_give_up(struct ag_program *p, int code)
{
    if (p->stopping)
        return;
    p->stopping = true;
    p->code = code;
    ag_daemon_leave(code);
    ag_daemon_notify("STOPPING=1");
    for (unsigned i = 0; i < p->n_signals; i++)
        uv_close((uv_handle_t *) &p->signals[i], NULL);
    ag_watchdog_stop(&p->watchdog);
    ag_daemon_leaving();
}

void ag_program_stop(struct ag_program *p, int code)
{
    if (p->stopping)
        return;
    ag_program_give_up(p, code);
    p->ops->stop(p->user);
}

void ag_program_run(struct ag_program *p)
{
    uv_run(&p->loop, UV_RUN_DEFAULT);
}

int ag_program_end(struct ag_program *p)
{
    uv_loop_close(&p->loop);
    return p->code;
}
